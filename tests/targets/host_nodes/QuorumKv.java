import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A quorum store: reads ask a majority and write back what is newest, writes choose a larger version. */
public class QuorumKv extends Naysayer.Node {
    static final double RESEND_MS = 120;
    static final int ATTEMPTS = 6;

    record Version(long counter, String node) implements Comparable<Version> {
        static final Version NEVER = new Version(0, "");
        static final Comparator<Version> ORDER = Comparator.comparingLong(Version::counter).thenComparing(Version::node);

        @Override public int compareTo(Version other) { return ORDER.compare(this, other); }
        List<Object> json() { return List.of(counter, node); }
        static Version of(List<?> json) { return new Version((Long) json.get(0), (String) json.get(1)); }
    }

    record Held(Version version, Object value) {
        static final Held NOTHING = new Held(Version.NEVER, null);
    }

    static final class Operation {
        final Naysayer.Message request;
        final boolean isRead;
        final Map<String, Held> answers = new LinkedHashMap<>();
        final Set<String> stored = new HashSet<>();
        Held put;
        int attempts = 1;

        Operation(Naysayer.Message request) {
            this.request = request;
            this.isRead = request.type().equals("read");
        }

        Object key() { return request.get("key"); }
        String origin() { return request.from() + " " + request.get("msg_id"); }
    }

    final Map<Object, Held> held = new LinkedHashMap<>();
    final Map<Long, Operation> operations = new HashMap<>();
    final Set<String> seen = new HashSet<>();
    long counter, next;
    Naysayer.Wal wal;

    // what the mistakes override

    void repair(long op, Operation operation, Held newest) { put(op, operation, newest); }
    void sync() { wal.sync(); }

    void giveUp(Operation operation) {
        boolean certain = operation.isRead || operation.put == null;
        ctx.error(operation.request, certain ? 11 : 0, "no majority answered");
    }

    @Override public void onStart() {
        next = ctx.random.nextInt(1 << 30); // answers to an earlier life may still be on their way
        wal = new Naysayer.Wal(ctx, "wal");
        for (byte[] record : wal.recover()) {
            List<?> entry = (List<?>) Naysayer.fromJson(record);
            adopt(entry.get(0), new Held(Version.of((List<?>) entry.get(1)), entry.get(2)), (String) entry.get(3));
        }
    }

    void adopt(Object key, Held one, String origin) {
        if (one.version.compareTo(held(key).version) > 0) held.put(key, one);
        if (!one.version.node.equals(ctx.me)) return;
        counter = Math.max(counter, one.version.counter);
        seen.add(origin);
    }

    Held held(Object key) { return held.getOrDefault(key, Held.NOTHING); }

    void store(Object key, Held one, String origin) {
        if (one.version.compareTo(held(key).version) <= 0) return;
        List<Object> entry = new ArrayList<>(List.of(key, one.version.json()));
        Collections.addAll(entry, one.value, origin);
        wal.append(Naysayer.toJson(entry));
        sync();
        adopt(key, one, origin);
    }

    @Override public void onMessage(Naysayer.Message message) {
        switch (message.type()) {
            case "get" -> {
                Held mine = held(message.get("key"));
                ctx.send(message.from(), "got", "op", message.get("op"), "version", mine.version.json(), "value", mine.value);
            }
            case "got" -> got(message.from(), message.number("op"), heldIn(message));
            case "put" -> {
                store(message.get("key"), heldIn(message), message.string("origin"));
                ctx.send(message.from(), "stored", "op", message.get("op"));
            }
            case "stored" -> stored(message.from(), message.number("op"));
            case "read", "write" -> {
                Operation operation = new Operation(message);
                if (!seen.add(operation.origin())) return; // the network doubled it
                operations.put(++next, operation);
                phase(next);
            }
            default -> super.onMessage(message);
        }
    }

    static Held heldIn(Naysayer.Message message) { return new Held(Version.of(message.list("version")), message.get("value")); }

    void phase(long op) {
        Operation operation = operations.get(op);
        ctx.timer(Long.toString(op), RESEND_MS);
        if (operation.put == null) {
            for (String node : ctx.others())
                if (!operation.answers.containsKey(node)) ctx.send(node, "get", "op", op, "key", operation.key());
            got(ctx.me, op, held(operation.key()));
            return;
        }
        for (String node : ctx.others())
            if (!operation.stored.contains(node))
                ctx.send(node, "put", "op", op, "key", operation.key(), "version", operation.put.version.json(),
                    "value", operation.put.value, "origin", operation.origin());
        if (operation.stored.contains(ctx.me)) return;
        store(operation.key(), operation.put, operation.origin());
        stored(ctx.me, op);
    }

    void got(String from, long op, Held answer) {
        Operation operation = operations.get(op);
        if (operation == null || operation.put != null) return;
        operation.answers.put(from, answer);
        if (operation.answers.size() < ctx.majority()) return;
        Held newest = Collections.max(operation.answers.values(), Comparator.comparing(Held::version));
        if (!operation.isRead) {
            counter = Math.max(counter, newest.version.counter) + 1;
            put(op, operation, new Held(new Version(counter, ctx.me), operation.request.get("value")));
        } else if (operation.answers.values().stream().allMatch(one -> one.version.equals(newest.version))) {
            finish(op, operation, newest.value);
        } else {
            repair(op, operation, newest);
        }
    }

    void put(long op, Operation operation, Held what) {
        operation.put = what;
        operation.attempts = 1;
        phase(op);
    }

    void stored(String from, long op) {
        Operation operation = operations.get(op);
        if (operation == null || operation.put == null) return;
        operation.stored.add(from);
        if (operation.stored.size() >= ctx.majority()) finish(op, operation, operation.put.value);
    }

    void finish(long op, Operation operation, Object value) {
        ctx.cancel(Long.toString(op));
        operations.remove(op);
        if (operation.isRead) ctx.reply(operation.request, "read_ok", "value", value);
        else ctx.reply(operation.request, "write_ok");
    }

    @Override public void onTimer(String name) {
        long op = Long.parseLong(name);
        Operation operation = operations.get(op);
        if (operation == null) return;
        if (++operation.attempts <= ATTEMPTS) {
            phase(op);
            return;
        }
        operations.remove(op);
        giveUp(operation);
    }

    @Override public Map<String, Object> view() {
        Map<String, Object> view = new LinkedHashMap<>();
        held.forEach((key, one) -> view.put(key.toString(), List.of(String.valueOf(one.value), one.version.counter + "." + one.version.node)));
        return view;
    }

    static class NoReadRepair extends QuorumKv {
        @Override void repair(long op, Operation operation, Held newest) { finish(op, operation, newest.value); }
    }

    static class NoSync extends QuorumKv {
        @Override void sync() {}
    }

    static class Raises extends QuorumKv {
        @Override void giveUp(Operation operation) { Object missing = null; missing.toString(); }
    }

    static class Hangs extends QuorumKv {
        @Override void giveUp(Operation operation) { while (operation.attempts > 0) Thread.onSpinWait(); }
    }

    static class Waits extends QuorumKv {
        @Override void giveUp(Operation operation) {
            try { Thread.sleep(1_000_000); } catch (InterruptedException error) { throw new IllegalStateException(error); }
        }
    }

    static class Dies extends QuorumKv {
        @Override void giveUp(Operation operation) { System.out.println("giving up for good"); System.exit(7); }
    }

    /** Static state is shared by all lives of a process, and survives a crash. */
    static class Shares extends QuorumKv {
        static long lives;
        @Override public void onStart() { super.onStart(); next = ++lives * 1_000_000; }
    }

    static class Clock extends QuorumKv {
        @Override public void onStart() { super.onStart(); next = System.nanoTime() & 0xffffffL; }
    }

    public static void main(String[] args) {
        Naysayer.run(switch (args.length == 0 ? "" : args[0]) {
            case "no-read-repair" -> NoReadRepair::new;
            case "no-sync" -> NoSync::new;
            case "raises" -> Raises::new;
            case "hangs" -> Hangs::new;
            case "waits" -> Waits::new;
            case "dies" -> Dies::new;
            case "shares" -> Shares::new;
            case "clock" -> Clock::new;
            default -> QuorumKv::new;
        }, args);
    }
}

import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Assignment 2: a key-value store with majority quorums, after Attiya, Bar-Noy and Dolev (JACM 1995).
 *
 * Any node coordinates. A read asks a majority, and stores the newest value at a majority before it returns it. A write
 * asks a majority for the newest version, and stores its value under a larger one.
 */
public class QuorumStore extends Naysayer.Node {
    static final double RESEND_MS = 120;
    static final int ATTEMPTS = 6;

    record Version(long counter, String node) implements Comparable<Version> {
        static final Version NONE = new Version(0, "");
        @Override public int compareTo(Version other) {
            return counter != other.counter ? Long.compare(counter, other.counter) : node.compareTo(other.node);
        }
        List<Object> json() { return List.of(counter, node); }
        static Version of(List<Object> json) { return new Version((Long) json.get(0), (String) json.get(1)); }
    }

    record Held(Version version, Object value) {
        static final Held NOTHING = new Held(Version.NONE, null);
    }

    /** A client's request under way: first answers are collected, then, if something is to be stored, who stored it. */
    static final class Operation {
        final Naysayer.Message request;
        final boolean isRead;
        final Object key;
        final Map<String, Held> answers = new LinkedHashMap<>();
        final Set<String> stored = new LinkedHashSet<>();
        Held put;
        int attempts = 1;

        Operation(Naysayer.Message request) {
            this.request = request;
            isRead = request.type().equals("read");
            key = request.get("key");
        }
    }

    final Map<Object, Held> held = new LinkedHashMap<>();
    final Map<Long, Operation> operations = new LinkedHashMap<>();
    long counter, next;
    Naysayer.Wal log;

    @Override public void onStart() {
        next = ctx.random.nextInt() & 0x7fffffffL; // answers to an earlier life may still be under way
        log = new Naysayer.Wal(ctx, "wal");
        for (byte[] record : log.recover()) {
            List<?> entry = (List<?>) Naysayer.fromJson(record);
            adopt(entry.get(0), new Held(version(entry.get(1)), entry.get(2)));
        }
    }

    @SuppressWarnings("unchecked")
    static Version version(Object json) { return Version.of((List<Object>) json); }

    @Override public void onMessage(Naysayer.Message message) {
        switch (message.type()) {
            case "get" -> {
                Held found = held(message.get("key"));
                ctx.send(message.from(), "got", "op", message.get("op"), "version", found.version.json(), "value", found.value);
            }
            case "got" -> got(message.from(), message.number("op"), new Held(version(message.get("version")), message.get("value")));
            case "put" -> {
                store(message.get("key"), new Held(version(message.get("version")), message.get("value")));
                ctx.send(message.from(), "stored", "op", message.get("op"));
            }
            case "stored" -> stored(message.from(), message.number("op"));
            case "read", "write" -> begin(message);
            default -> super.onMessage(message);
        }
    }

    Held held(Object key) { return held.getOrDefault(key, Held.NOTHING); }

    void begin(Naysayer.Message request) {
        operations.put(++next, new Operation(request));
        ask(next);
    }

    /** Asks the nodes whose part is still missing, and later again. */
    void ask(long op) {
        Operation o = operations.get(op);
        ctx.timer(Long.toString(op), RESEND_MS);
        if (o.put == null) {
            for (String node : ctx.others())
                if (!o.answers.containsKey(node)) ctx.send(node, "get", "op", op, "key", o.key);
            got(ctx.me, op, held(o.key));
        } else {
            store(o.key, o.put);
            for (String node : ctx.others())
                if (!o.stored.contains(node))
                    ctx.send(node, "put", "op", op, "key", o.key, "version", o.put.version.json(), "value", o.put.value);
            stored(ctx.me, op);
        }
    }

    void got(String from, long op, Held answer) {
        Operation o = operations.get(op);
        if (o == null || o.put != null) return;
        o.answers.put(from, answer);
        if (o.answers.size() < readQuorum()) return;
        Held newest = Collections.max(o.answers.values(), Comparator.comparing(Held::version));
        if (!o.isRead) put(op, new Held(newVersion(newest.version), o.request.get("value")));
        else if (o.answers.values().stream().allMatch(one -> one.version.equals(newest.version))) finish(op, newest.value);
        else repair(op, newest);
    }

    int readQuorum() { return ctx.majority(); }
    int writeQuorum() { return ctx.majority(); }

    Version newVersion(Version newest) {
        counter = Math.max(counter, newest.counter) + 1;
        return new Version(counter, ctx.me);
    }

    void repair(long op, Held newest) { put(op, newest); }

    void put(long op, Held what) {
        Operation o = operations.get(op);
        o.put = what;
        o.attempts = 1;
        ask(op);
    }

    /** Durable before it is acknowledged. */
    void store(Object key, Held one) {
        if (one.version.compareTo(held(key).version) <= 0) return;
        log.append(Naysayer.toJson(Arrays.asList(key, one.version.json(), one.value)));
        sync();
        adopt(key, one);
    }

    void sync() { log.sync(); }

    void adopt(Object key, Held one) {
        if (one.version.compareTo(held(key).version) > 0) held.put(key, one);
        if (one.version.node.equals(ctx.me)) counter = Math.max(counter, one.version.counter);
    }

    void stored(String from, long op) {
        Operation o = operations.get(op);
        if (o == null || o.put == null) return;
        o.stored.add(from);
        if (o.stored.size() >= writeQuorum()) finish(op, o.put.value);
    }

    void finish(long op, Object value) {
        Operation o = operations.remove(op);
        ctx.cancel(Long.toString(op));
        if (!o.isRead) ctx.reply(o.request, "write_ok");
        else if (value == null) ctx.error(o.request, 20, "no such key");
        else ctx.reply(o.request, "read_ok", "value", value);
    }

    @Override public void onTimer(String name) {
        long op = Long.parseLong(name);
        Operation o = operations.get(op);
        if (o == null) return;
        if (++o.attempts <= ATTEMPTS) ask(op);
        else giveUp(operations.remove(op));
    }

    /** A write that may be stored somewhere may yet be read: its outcome is unknown. */
    void giveUp(Operation o) {
        if (o.isRead || o.put == null) ctx.error(o.request, 11, "no majority answered");
        else ctx.error(o.request, 0, "no majority has stored it, but some node may have");
    }

    @Override public Map<String, Object> view() {
        Map<String, Object> view = new LinkedHashMap<>();
        held.forEach((key, one) -> view.put(key.toString(), Arrays.asList(one.value, one.version.counter + "." + one.version.node)));
        return view;
    }

    public static void main(String[] args) { Naysayer.run(QuorumStore::new, args); }
}

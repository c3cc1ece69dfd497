import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.zip.CRC32;

/**
 * The Java kit of Naysayer: a node as a state machine that gets inputs and answers with effects.
 *
 * <pre>
 * public static void main(String[] args) { Naysayer.run(MyNode::new, args); }
 *
 * naysayer hunt --host "java -cp build MyNode"                 virtual time: any failure replays exactly
 * naysayer test --bin "java -cp build MyNode --stdio"          real time, by Maelstrom's protocol
 * </pre>
 *
 * A node uses no threads, clock, sleep, files or randomness but those of its Context. System.out goes to stderr.
 */
public final class Naysayer {
    private Naysayer() {}

    /** Your node. One object is one life of it: a crash drops the object, and a restart makes a new one. */
    public abstract static class Node {
        /** Set before onStart. */
        protected Context ctx;

        /** The first start and every restart: only what is on {@code ctx.disk} is left from earlier lives. */
        public void onStart() {}

        /** A request of a client, or a message of another node. Pass on here what you do not know. */
        public void onMessage(Message message) {
            if (!message.isRequest()) throw new IllegalArgumentException("no handler for " + message);
            ctx.error(message, 10, "not supported: " + message.type());
        }

        public void onTimer(String name) {}

        /** What the node holds, for reports: small, and without side effects. */
        public Map<String, Object> view() { return Map.of(); }
    }

    /** A message: its sender, and its body as JSON (Long, Double, String, Boolean, List, Map or null). */
    public record Message(String from, Map<String, Object> body) {
        public String type() { return string("type"); }
        public boolean isRequest() { return body.containsKey("msg_id"); }
        public boolean has(String name) { return body.containsKey(name); }
        public Object get(String name) { return body.get(name); }
        public String string(String name) { return field(name, String.class); }
        public long number(String name) { return field(name, Long.class); }
        public boolean flag(String name) { return field(name, Boolean.class); }
        @SuppressWarnings("unchecked") public List<Object> list(String name) { return field(name, List.class); }
        @SuppressWarnings("unchecked") public Map<String, Object> map(String name) { return field(name, Map.class); }

        private <T> T field(String name, Class<T> kind) {
            Object value = body.get(name);
            if (kind.isInstance(value)) return kind.cast(value);
            throw new IllegalArgumentException("no " + kind.getSimpleName() + " '" + name + "' in " + this);
        }
    }

    /** All that a node may do, and all that it may know. Effects happen in the order in which they are asked for. */
    public abstract static class Context {
        public final String me;
        /** All nodes, this one included. */
        public final List<String> nodes;
        public final Random random;
        public final Disk disk;
        double now;

        Context(String me, List<String> nodes, long seed) {
            this.me = me;
            this.nodes = List.copyOf(nodes);
            this.random = new Random(seed);
            this.disk = new Disk(this);
        }

        public List<String> others() { return nodes.stream().filter(node -> !node.equals(me)).toList(); }
        public int majority() { return nodes.size() / 2 + 1; }

        /** This machine's clock in ms. It may be wrong, and it may jump; it begins near 0 in virtual time. */
        public double now() { return now; }

        /** The same clock as milliseconds since 1970. */
        public long epochMillis() { return EPOCH_MS + (long) Math.floor(now); }

        public abstract void send(String to, Map<String, Object> body);

        /** {@code send("n2", "put", "key", key, "value", value)} */
        public void send(String to, String type, Object... fields) { send(to, body(type, fields)); }

        /** To all other nodes. */
        public void broadcast(String type, Object... fields) {
            Map<String, Object> body = body(type, fields);
            for (String node : nodes) if (!node.equals(me)) send(node, body);
        }

        /** Answer a request: {@code reply(message, "read_ok", "value", value)}. */
        public void reply(Message request, String type, Object... fields) {
            Map<String, Object> body = body(type, fields);
            body.put("in_reply_to", request.get("msg_id"));
            send(request.from(), body);
        }

        /**
         * Answer a request by an error of Maelstrom's. Codes 10 (not supported), 11 (not now), 14 (aborted), 20 (no such
         * key), 21 (key exists) and 22 (the value is another one) promise that the operation did and will not happen.
         * Codes 0 and 13 leave that open. A field "leader" names the node to ask instead.
         */
        public void error(Message request, int code, String text, Object... fields) {
            Map<String, Object> body = body("error", "code", code, "text", text);
            body.putAll(map(fields));
            body.put("in_reply_to", request.get("msg_id"));
            send(request.from(), body);
        }

        /** Calls onTimer(name) after so many ms, once. A timer that is set already is moved. */
        public abstract void timer(String name, double afterMs);
        public abstract void cancel(String name);
        public abstract void log(String text);
        abstract void onDisk(String what, String name, String to, byte[] data, long size);
    }

    /**
     * A flat directory of files. Reads happen at once; writes are effects. What was appended and not synced may be lost
     * or torn by a power loss, and so may a name that was created, renamed or removed, until syncDirectory.
     */
    public static final class Disk {
        private final Context ctx;
        final TreeMap<String, NaysayerRuntime.Bytes> files = new TreeMap<>();

        Disk(Context ctx) { this.ctx = ctx; }

        public List<String> names() { return List.copyOf(files.keySet()); }
        public boolean exists(String name) { return files.containsKey(name); }
        public byte[] read(String name) { return file(name).copy(); }
        public void create(String name) { files.put(name, new NaysayerRuntime.Bytes(64)); ctx.onDisk("create", name, null, null, -1); }
        public void append(String name, byte[] data) { file(name).put(data, 0, data.length); ctx.onDisk("append", name, null, data, -1); }
        public void sync(String name) { file(name); ctx.onDisk("sync", name, null, null, -1); }
        public void remove(String name) { file(name); files.remove(name); ctx.onDisk("remove", name, null, null, -1); }
        public void syncDirectory() { ctx.onDisk("sync_directory", null, null, null, -1); }

        public void truncate(String name, long size) {
            NaysayerRuntime.Bytes file = file(name);
            file.size = (int) Math.min(size, file.size);
            ctx.onDisk("truncate", name, null, null, file.size);
        }

        public void rename(String old, String to) {
            files.put(to, file(old));
            if (!old.equals(to)) files.remove(old);
            ctx.onDisk("rename", old, to, null, -1);
        }

        private NaysayerRuntime.Bytes file(String name) {
            NaysayerRuntime.Bytes found = files.get(name);
            if (found == null) throw new IllegalArgumentException("no file " + name);
            return found;
        }
    }

    /** A write-ahead log, for those who need not write one: records with length and checksum; a torn tail is cut. */
    public static final class Wal {
        private final Disk disk;
        private final String name;

        public Wal(Context ctx, String name) { this.disk = ctx.disk; this.name = name; }

        /** The records, oldest first. Call it once, before anything is appended. */
        public List<byte[]> recover() {
            List<byte[]> records = new ArrayList<>();
            if (!disk.exists(name)) {
                disk.create(name);
                disk.syncDirectory();
                return records;
            }
            byte[] all = disk.read(name);
            ByteBuffer in = ByteBuffer.wrap(all);
            int good = 0;
            while (in.remaining() >= 8) {
                int length = in.getInt(), sum = in.getInt();
                if (length < 0 || length > in.remaining()) break;
                byte[] record = new byte[length];
                in.get(record);
                if (sum != checksum(record)) break;
                records.add(record);
                good = in.position();
            }
            if (good < all.length) disk.truncate(name, good);
            disk.sync(name); // a killed process may have left whole records that are not on the disk yet
            return records;
        }

        /** Durable only after sync. */
        public void append(byte[] record) {
            ByteBuffer out = ByteBuffer.allocate(8 + record.length);
            disk.append(name, out.putInt(record.length).putInt(checksum(record)).put(record).array());
        }

        public void sync() { disk.sync(name); }

        private static int checksum(byte[] data) {
            CRC32 sum = new CRC32();
            sum.update(data);
            return (int) sum.getValue();
        }
    }

    /** A map in the order given: {@code map("key", "x", "value", 3)}. Values may be null. */
    public static Map<String, Object> map(Object... pairs) {
        if (pairs.length % 2 != 0) throw new IllegalArgumentException("fields are pairs of a name and a value");
        Map<String, Object> made = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) made.put((String) pairs[i], pairs[i + 1]);
        return made;
    }

    private static Map<String, Object> body(String type, Object... fields) {
        Map<String, Object> made = new LinkedHashMap<>();
        made.put("type", type);
        made.putAll(map(fields));
        return made;
    }

    /** A value as JSON, such as a record of a log. Maps without an order of their own are sorted by their keys. */
    public static byte[] toJson(Object value) { return NaysayerRuntime.Json.write(value); }

    /** JSON as Maps, Lists, Strings, Longs, Doubles, Booleans and null. */
    public static Object fromJson(byte[] text) { return NaysayerRuntime.Json.read(text); }

    /** Runs nodes until stdin ends: in virtual time, or with the argument --stdio in real time. */
    public static void run(Supplier<? extends Node> make, String... args) { NaysayerRuntime.run(make, args); }

    static final long EPOCH_MS = 1_767_225_600_000L;
}

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.zip.CRC32;

/**
 * Assignment 1: a durable key-value store on one node, by a write-ahead log of its own.
 *
 * Commands that arrive within COMMIT_MS become one record and share one sync. Only then are they applied and answered,
 * so no reader sees what a crash may undo. After SNAPSHOT_RECORDS records the state is written as a snapshot, and a new
 * log begins: log-7 holds what came after snapshot-7.
 */
public class WalStore extends Naysayer.Node {
    static final double COMMIT_MS = 3;
    static final int SNAPSHOT_RECORDS = 8;

    record Command(Naysayer.Message request, Object key, Object value) {}

    /** What is durable. */
    final Map<Object, Object> values = new LinkedHashMap<>();
    /** What will be once the waiting commands are durable. */
    final Map<Object, Object> ahead = new LinkedHashMap<>();
    final List<Command> waiting = new ArrayList<>();
    long number;
    int records;

    @Override public void onStart() {
        for (String name : ctx.disk.names())
            if (name.startsWith("snapshot-") && !name.endsWith(".tmp")) number = Math.max(number, Long.parseLong(name.substring(9)));
        if (number > 0) load((Map<?, ?>) Naysayer.fromJson(body(ctx.disk.read(snapshot()))));
        if (!ctx.disk.exists(log())) ctx.disk.create(log());
        syncDirectory();
        recover();
        ctx.disk.sync(log()); // what a killed process wrote is acted on from now on: it must not vanish later
        ahead.putAll(values);
        for (String name : ctx.disk.names())
            if (!name.equals(log()) && !name.equals(snapshot())) ctx.disk.remove(name);
    }

    String log() { return "log-" + number; }
    String snapshot() { return "snapshot-" + number; }

    @Override public void onMessage(Naysayer.Message message) {
        Object key = message.get("key");
        switch (message.type()) {
            case "read" -> {
                Object value = read(key);
                if (value == null) ctx.error(message, 20, "no such key");
                else ctx.reply(message, "read_ok", "value", value);
            }
            case "write" -> admit(new Command(message, key, message.get("value")));
            case "cas" -> {
                Object value = ahead.get(key);
                if (value == null && !waits(key)) ctx.error(message, 20, "no such key");
                else if (Objects.equals(value, message.get("from"))) admit(new Command(message, key, message.get("to")));
                else if (!waits(key)) ctx.error(message, 22, "the value is " + value);
                else ctx.error(message, 14, "it met a value that is not durable yet");
            }
            default -> super.onMessage(message);
        }
    }

    Object read(Object key) { return values.get(key); }

    boolean waits(Object key) { return waiting.stream().anyMatch(command -> command.key.equals(key)); }

    void admit(Command command) {
        if (waiting.isEmpty()) ctx.timer("commit", COMMIT_MS);
        waiting.add(command);
        ahead.put(command.key, command.value);
    }

    @Override public void onTimer(String name) {
        List<Object> record = new ArrayList<>();
        for (Command command : waiting) record.add(List.of(command.key, command.value));
        ctx.disk.append(log(), framed(Naysayer.toJson(record)));
        sync();
        for (Command command : waiting) {
            values.put(command.key, command.value);
            ctx.reply(command.request, command.request.type() + "_ok");
        }
        waiting.clear();
        if (++records >= SNAPSHOT_RECORDS) snapshotAndClean();
    }

    void sync() { ctx.disk.sync(log()); }
    void syncDirectory() { ctx.disk.syncDirectory(); }

    void snapshotAndClean() {
        String oldLog = log(), oldSnapshot = snapshot();
        number++;
        records = 0;
        writeSnapshot();
        ctx.disk.create(log());
        syncDirectory();
        clean(oldLog, oldSnapshot);
    }

    void writeSnapshot() {
        String temporary = snapshot() + ".tmp";
        ctx.disk.create(temporary);
        ctx.disk.append(temporary, framed(Naysayer.toJson(values)));
        ctx.disk.sync(temporary);
        ctx.disk.rename(temporary, snapshot());
    }

    void clean(String oldLog, String oldSnapshot) {
        ctx.disk.remove(oldLog);
        if (ctx.disk.exists(oldSnapshot)) ctx.disk.remove(oldSnapshot);
    }

    void load(Map<?, ?> saved) { values.putAll(saved); }

    /** Applies the records that are whole, and cuts off what is behind them. */
    void recover() {
        byte[] all = ctx.disk.read(log());
        ByteBuffer in = ByteBuffer.wrap(all);
        int whole = 0;
        while (in.remaining() >= 8) {
            int length = in.getInt(), sum = in.getInt();
            if (!fits(length, in.remaining())) break;
            byte[] record = new byte[length];
            in.get(record);
            if (!intact(record, sum)) break;
            apply(record);
            records++;
            whole = in.position();
        }
        if (whole < all.length) cut(whole);
    }

    boolean fits(int length, int remaining) { return length >= 0 && length <= remaining; }

    boolean intact(byte[] record, int sum) { return checksum(record) == sum; }

    void cut(int size) { ctx.disk.truncate(log(), size); }

    void apply(byte[] record) {
        for (Object change : (List<?>) Naysayer.fromJson(record)) {
            List<?> pair = (List<?>) change;
            values.put(pair.get(0), pair.get(1));
        }
    }

    static byte[] framed(byte[] record) {
        return ByteBuffer.allocate(8 + record.length).putInt(record.length).putInt(checksum(record)).put(record).array();
    }

    static byte[] body(byte[] framed) { return Arrays.copyOfRange(framed, 8, framed.length); }

    static int checksum(byte[] data) {
        CRC32 sum = new CRC32();
        sum.update(data);
        return (int) sum.getValue();
    }

    @Override public Map<String, Object> view() {
        Map<String, Object> view = new LinkedHashMap<>();
        values.forEach((key, value) -> view.put(key.toString(), value));
        return view;
    }

    public static void main(String[] args) { Naysayer.run(WalStore::new, args); }
}

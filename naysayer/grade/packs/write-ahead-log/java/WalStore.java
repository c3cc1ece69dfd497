import java.util.HashMap;
import java.util.Map;
import java.util.Objects;

/** Assignment 1: a key-value store on one node. What it has answered survives any crash. So far it is only in memory. */
public class WalStore extends Naysayer.Node {
    private final Map<Object, Object> values = new HashMap<>();

    @Override public void onStart() {
        // TODO 1: if ctx.disk has a log, read it, and apply its records. The last one may be torn: how do you notice?
        //         Otherwise create the log. Its name is durable only after ctx.disk.syncDirectory().
    }

    @Override public void onMessage(Naysayer.Message message) {
        Object key = message.get("key");
        switch (message.type()) {
            case "read" -> ctx.reply(message, "read_ok", "value", values.get(key));
            case "write" -> {
                set(key, message.get("value"));
                ctx.reply(message, "write_ok");
            }
            case "cas" -> {
                if (!Objects.equals(values.get(key), message.get("from"))) {
                    ctx.error(message, values.containsKey(key) ? 22 : 20, "the value is " + values.get(key));
                    return;
                }
                set(key, message.get("to"));
                ctx.reply(message, "cas_ok");
            }
            default -> super.onMessage(message);
        }
    }

    private void set(Object key, Object value) {
        // TODO 2: append a record to the log (Naysayer.toJson makes bytes) with its length and checksum, and sync it.
        values.put(key, value);
    }

    // TODO 3: the log grows without end. Write a snapshot now and then, and begin a new log.

    @Override public Map<String, Object> view() { return Map.of("values", values); }

    public static void main(String[] args) { Naysayer.run(WalStore::new, args); }
}

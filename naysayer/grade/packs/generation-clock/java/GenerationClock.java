import java.util.HashMap;
import java.util.Map;

/** Assignment 3: a generation clock. A majority grants generations, each greater than all before, and only the newest one
 *  may write. So far each node counts by itself. */
public class GenerationClock extends Naysayer.Node {
    private final Map<Object, Long> generations = new HashMap<>();
    private final Map<Object, Object> values = new HashMap<>();

    @Override public void onStart() {
        // TODO 3: what a node has granted must survive a crash. Naysayer.Wal is a log that you can use.
    }

    @Override public void onMessage(Naysayer.Message message) {
        Object key = message.get("key");
        switch (message.type()) {
            case "next" -> {
                // TODO 1: propose a generation greater than any you have seen to all nodes. A node grants it only if it
                //         is greater than what it has granted before. Reply when a majority has granted it.
                long next = generations.merge(key, 1L, Long::sum);
                ctx.reply(message, "next_ok", "generation", next);
            }
            case "fenced-write" -> {
                // TODO 2: store the value on a majority, unless one of its nodes has granted a newer generation: then
                //         reply by an error. What does a new generation do with a write that is half done?
                values.put(key, message.get("value"));
                ctx.reply(message, "fenced-write_ok");
            }
            case "read" -> ctx.reply(message, "read_ok", "value", values.get(key)); // TODO 2: from a majority
            default -> super.onMessage(message);
        }
    }

    @Override public Map<String, Object> view() { return Map.of("generations", generations); }

    public static void main(String[] args) { Naysayer.run(GenerationClock::new, args); }
}

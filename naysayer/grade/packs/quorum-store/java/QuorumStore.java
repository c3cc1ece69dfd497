import java.util.HashMap;
import java.util.Map;

/** Assignment 2: a quorum store. Reads and writes at any node, linearizable while a majority answers. So far no node
 *  knows what another one has stored. */
public class QuorumStore extends Naysayer.Node {
    /** The order of writes: the larger counter wins, and the name decides between equal ones. */
    record Version(long counter, String node) {}

    record Held(Version version, Object value) {}

    private final Map<Object, Held> held = new HashMap<>();

    @Override public void onStart() {
        // TODO 4: after a restart a node must know what it knew when it answered. Naysayer.Wal is a log that you can use.
    }

    @Override public void onMessage(Naysayer.Message message) {
        Object key = message.get("key");
        switch (message.type()) {
            case "write" -> {
                // TODO 1: ask a majority (ctx.majority()) for its versions, choose a larger one, and send the value to
                //         all. Reply when a majority, you included, has stored it. Messages may be lost: set a timer.
                held.put(key, new Held(new Version(1, ctx.me), message.get("value")));
                ctx.reply(message, "write_ok");
            }
            case "read" -> {
                // TODO 2: ask a majority, take the newest value, and reply.
                // TODO 3: what must a read do before it replies, if the majority did not agree?
                Held mine = held.get(key);
                ctx.reply(message, "read_ok", "value", mine == null ? null : mine.value);
            }
            // TODO: the messages between nodes, such as ctx.broadcast("get", "op", op, "key", key) and its answer
            default -> super.onMessage(message);
        }
    }

    @Override public void onTimer(String name) {
        // TODO: ask again. After how many times do you give up, and what do you answer then? Error 11 means that the
        //       write did not and will not happen, error 0 that it may have.
    }

    @Override public Map<String, Object> view() {
        Map<String, Object> view = new HashMap<>();
        held.forEach((key, one) -> view.put(String.valueOf(key), one.value));
        return view;
    }

    public static void main(String[] args) { Naysayer.run(QuorumStore::new, args); }
}

import java.util.HashMap;
import java.util.Map;
import java.util.Objects;

/** Assignment 4: reads, writes and cas on each key at any node, each decided by Paxos. So far each node decides alone. */
public class PaxosStore extends Naysayer.Node {
    /** The larger round wins, and the name decides between equal ones: no two nodes have the same ballot. */
    record Ballot(long round, String node) {}

    private final Map<Object, Object> values = new HashMap<>();

    @Override public void onStart() {
        // TODO 3: what an acceptor has promised and accepted must survive a crash. Naysayer.Wal is a log you can use.
    }

    @Override public void onMessage(Naysayer.Message message) {
        Object key = message.get("key");
        switch (message.type()) {
            // TODO 1: for each operation choose a ballot and send "prepare" to all. From a majority of promises take the
            //         value with the largest ballot, apply the operation to it, and send the result as "accept". Reply
            //         when a majority has accepted. Why must a read do that too?
            case "read" -> ctx.reply(message, "read_ok", "value", values.get(key));
            case "write" -> {
                values.put(key, message.get("value"));
                ctx.reply(message, "write_ok");
            }
            case "cas" -> {
                if (!Objects.equals(values.get(key), message.get("from"))) {
                    ctx.error(message, values.containsKey(key) ? 22 : 20, "the value is " + values.get(key));
                    return;
                }
                values.put(key, message.get("to"));
                ctx.reply(message, "cas_ok");
            }
            // TODO 2: "prepare" and "accept": an acceptor promises, accepts, or refuses and names the ballot it promised
            default -> super.onMessage(message);
        }
    }

    @Override public void onTimer(String name) {
        // TODO 4: a proposer that was refused or got no majority tries again, after a random time (ctx.random).
    }

    @Override public Map<String, Object> view() { return Map.of("values", values); }

    public static void main(String[] args) { Naysayer.run(PaxosStore::new, args); }
}

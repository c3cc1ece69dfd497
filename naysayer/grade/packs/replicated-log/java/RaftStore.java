import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Assignment 5: a key-value store on a log that a leader replicates, by Raft. So far every node is a leader. */
public class RaftStore extends Naysayer.Node {
    enum Role { FOLLOWER, CANDIDATE, LEADER }

    record Entry(long term, Naysayer.Message command) {}

    private Role role = Role.LEADER; // TODO 1: FOLLOWER
    private long term;
    private final List<Entry> log = new ArrayList<>();
    private final Map<Object, Object> values = new HashMap<>();

    @Override public void onStart() {
        // TODO 1: set the election timer to a random time, such as 150 + ctx.random.nextInt(150) ms.
        // TODO 4: currentTerm, votedFor and the log must survive a crash. Naysayer.Wal is a log that you can use.
    }

    @Override public void onMessage(Naysayer.Message message) {
        switch (message.type()) {
            case "read", "write", "cas" -> {
                if (role != Role.LEADER) {
                    ctx.error(message, 11, "not the leader"); // an error may name the "leader" to ask instead
                    return;
                }
                log.add(new Entry(term, message));
                apply(message); // TODO 3: only when the entry is committed
            }
            // TODO 2: "request_vote", "vote"     TODO 3: "append_entries", "appended"
            default -> super.onMessage(message);
        }
    }

    @Override public void onTimer(String name) {
        // TODO 2: "election": become a candidate        TODO 3: "heartbeat": send append_entries to all
    }

    private void apply(Naysayer.Message command) {
        Object key = command.get("key");
        switch (command.type()) {
            case "read" -> ctx.reply(command, "read_ok", "value", values.get(key));
            case "write" -> {
                values.put(key, command.get("value"));
                ctx.reply(command, "write_ok");
            }
            default -> {
                if (!Objects.equals(values.get(key), command.get("from"))) {
                    ctx.error(command, values.containsKey(key) ? 22 : 20, "the value is " + values.get(key));
                    return;
                }
                values.put(key, command.get("to"));
                ctx.reply(command, "cas_ok");
            }
        }
    }

    /** Scenarios and faults know the leader by this. */
    @Override public Map<String, Object> view() {
        return Map.of("role", role.name().toLowerCase(), "term", term, "last_index", log.size());
    }

    public static void main(String[] args) { Naysayer.run(RaftStore::new, args); }
}

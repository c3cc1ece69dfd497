import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;

/**
 * Assignment 5: a key-value store on a replicated log, by Raft (Ongaro and Ousterhout 2014), with its names.
 *
 * Reads go through the log as well. A request on a follower is refused with the leader's name. There are no snapshots
 * and no changes of membership.
 */
public class RaftStore extends Naysayer.Node {
    static final double ELECTION_MS = 150, HEARTBEAT_MS = 40;

    record Entry(long term, String type, Object key, Object value, Object from) {
        List<Object> json() { return Arrays.asList(term, type, key, value, from); }
        static Entry of(Object json) {
            List<?> list = (List<?>) json;
            return new Entry((Long) list.get(0), (String) list.get(1), list.get(2), list.get(3), list.get(4));
        }
    }

    // persistent state
    long currentTerm;
    String votedFor;
    /** The entry of index i is log.get(i - 1), as the first index is 1. */
    final List<Entry> log = new ArrayList<>();

    // volatile state
    String role = "follower", leader;
    long commitIndex, lastApplied;
    final Set<String> votes = new LinkedHashSet<>();
    final Map<String, Long> nextIndex = new LinkedHashMap<>(), matchIndex = new LinkedHashMap<>();
    final Map<Long, Naysayer.Message> waiting = new TreeMap<>();
    final Map<Object, Object> values = new LinkedHashMap<>();
    Naysayer.Wal wal;

    @Override public void onStart() {
        wal = new Naysayer.Wal(ctx, "wal");
        for (byte[] bytes : wal.recover()) {
            List<?> record = (List<?>) Naysayer.fromJson(bytes);
            if (record.size() == 2) {
                currentTerm = (Long) record.get(0);
                votedFor = (String) record.get(1);
            } else {
                place((Long) record.get(0), Entry.of(record.get(1)));
            }
        }
        restartElectionTimer();
    }

    void restartElectionTimer() { ctx.timer("election", ELECTION_MS * (1 + ctx.random.nextDouble())); }

    @Override public void onMessage(Naysayer.Message message) {
        if (message.has("term") && message.number("term") > currentTerm) stepDown(message.number("term"));
        switch (message.type()) {
            case "read", "write", "cas" -> onRequest(message);
            case "request_vote" -> onRequestVote(message);
            case "vote" -> onVote(message);
            case "append_entries" -> onAppendEntries(message);
            case "appended" -> onAppended(message);
            default -> super.onMessage(message);
        }
    }

    // what is durable

    void persistVote() {
        wal.append(Naysayer.toJson(Arrays.asList(currentTerm, votedFor)));
        wal.sync();
    }

    /** An entry at an index, in place of whatever was there and after it. */
    void place(long index, Entry entry) {
        while (lastIndex() >= index) {
            Naysayer.Message request = waiting.remove(lastIndex());
            if (request != null) ctx.error(request, 0, "another leader's entry took its place here, though not everywhere");
            log.remove(log.size() - 1);
        }
        log.add(entry);
    }

    void write(long index, Entry entry) {
        place(index, entry);
        wal.append(Naysayer.toJson(Arrays.asList(index, entry.json(), "entry")));
    }

    void syncLog() { wal.sync(); }

    long lastIndex() { return log.size(); }
    long termAt(long index) { return index == 0 ? 0 : log.get((int) index - 1).term; }

    // elections

    void stepDown(long term) {
        role = "follower";
        leader = null;
        currentTerm = term;
        votedFor = null;
        persistVote();
        restartElectionTimer();
    }

    @Override public void onTimer(String name) {
        if (name.equals("heartbeat")) {
            if (role.equals("leader")) heartbeat();
        } else if (!role.equals("leader")) {
            campaign();
        }
    }

    void campaign() {
        role = "candidate";
        leader = null;
        currentTerm++;
        votedFor = ctx.me;
        persistVote();
        votes.clear();
        votes.add(ctx.me);
        restartElectionTimer();
        ctx.broadcast("request_vote", "term", currentTerm, "last_log_index", lastIndex(), "last_log_term", termAt(lastIndex()));
    }

    void onRequestVote(Naysayer.Message message) {
        boolean granted = message.number("term") == currentTerm
            && (votedFor == null || votedFor.equals(message.from()))
            && isUpToDate(message.number("last_log_index"), message.number("last_log_term"));
        if (granted) {
            votedFor = message.from();
            persistVote();
            restartElectionTimer();
        }
        ctx.send(message.from(), "vote", "term", currentTerm, "granted", granted);
    }

    /** Section 5.4.1: the election restriction. */
    boolean isUpToDate(long index, long term) {
        long mine = termAt(lastIndex());
        return term > mine || term == mine && index >= lastIndex();
    }

    void onVote(Naysayer.Message message) {
        if (!role.equals("candidate") || message.number("term") != currentTerm || !message.flag("granted")) return;
        votes.add(message.from());
        if (votes.size() >= ctx.majority()) lead();
    }

    void lead() {
        role = "leader";
        leader = ctx.me;
        for (String node : ctx.others()) {
            nextIndex.put(node, lastIndex() + 1);
            matchIndex.put(node, 0L);
        }
        beginTerm();
        ctx.others().forEach(this::replicate);
        heartbeat();
    }

    /** An entry of the leader's own term, with which those of earlier terms are committed. */
    void beginTerm() {
        write(lastIndex() + 1, new Entry(currentTerm, "no-op", null, null, null));
        syncLog();
    }

    // replication

    /** Heartbeats have no entries: a follower that lacks some is sent them once its log is known to match. */
    void heartbeat() {
        ctx.timer("heartbeat", HEARTBEAT_MS);
        for (String node : ctx.others()) append(node, List.of());
    }

    void replicate(String node) {
        List<Object> entries = new ArrayList<>();
        for (long index = nextIndex.get(node); index <= lastIndex(); index++) entries.add(log.get((int) index - 1).json());
        append(node, entries);
    }

    void append(String node, List<Object> entries) {
        long previous = nextIndex.get(node) - 1;
        ctx.send(node, "append_entries", "term", currentTerm, "prev_log_index", previous, "prev_log_term", termAt(previous),
            "entries", entries, "leader_commit", commitIndex);
    }

    void onAppendEntries(Naysayer.Message message) {
        if (message.number("term") < currentTerm) {
            ctx.send(message.from(), "appended", "term", currentTerm, "success", false, "match", 0);
            return;
        }
        role = "follower";
        leader = message.from();
        restartElectionTimer();
        long index = message.number("prev_log_index");
        if (!matches(index, message.number("prev_log_term"))) {
            ctx.send(message.from(), "appended", "term", currentTerm, "success", false, "match", Math.min(index - 1, lastIndex()));
            return;
        }
        boolean changed = false;
        for (Object json : message.list("entries")) {
            Entry entry = Entry.of(json);
            index++;
            if (isThere(index, entry)) continue;
            write(index, entry);
            changed = true;
        }
        if (changed) syncLog();
        commit(Math.min(message.number("leader_commit"), verified(index)));
        ctx.send(message.from(), "appended", "term", currentTerm, "success", true, "match", index);
    }

    boolean matches(long index, long term) { return index <= lastIndex() && termAt(index) == term; }

    /** Only an entry of another term conflicts: a late message must not cut off what came after it. */
    boolean isThere(long index, Entry entry) { return index <= lastIndex() && termAt(index) == entry.term; }

    /** How far the log is known to be the leader's. */
    long verified(long index) { return index; }

    void onAppended(Naysayer.Message message) {
        if (!role.equals("leader") || message.number("term") != currentTerm) return;
        String node = message.from();
        long match = message.number("match");
        if (message.flag("success")) {
            matchIndex.merge(node, match, Math::max);
            nextIndex.merge(node, match + 1, Math::max);
            advanceCommitIndex();
            if (nextIndex.get(node) <= lastIndex()) replicate(node);
        } else {
            nextIndex.put(node, Math.max(matchIndex.get(node), match) + 1);
            replicate(node);
        }
    }

    void advanceCommitIndex() {
        for (long index = lastIndex(); index > commitIndex; index--) {
            long candidate = index;
            long holders = 1 + matchIndex.values().stream().filter(match -> match >= candidate).count();
            if (holders >= ctx.majority() && mayCommit(index)) {
                commit(index);
                return;
            }
        }
    }

    /** Section 5.4.2: an entry of an earlier term is committed only by one of the leader's own. */
    boolean mayCommit(long index) { return termAt(index) == currentTerm; }

    void commit(long index) {
        commitIndex = Math.max(commitIndex, index);
        while (lastApplied < commitIndex) apply(++lastApplied);
    }

    // clients

    void onRequest(Naysayer.Message request) {
        if (!role.equals("leader")) {
            if (leader == null) ctx.error(request, 11, "there is no leader yet");
            else ctx.error(request, 11, "not the leader", "leader", leader);
            return;
        }
        if (answersAtOnce(request)) return;
        boolean isCas = request.type().equals("cas");
        Object value = isCas ? request.get("to") : request.body().get("value");
        write(lastIndex() + 1, new Entry(currentTerm, request.type(), request.get("key"), value, isCas ? request.get("from") : null));
        syncLog();
        waiting.put(lastIndex(), request);
        ctx.others().forEach(this::replicate);
        advanceCommitIndex();
    }

    /** Every operation goes through the log: a leader may have been deposed without knowing it. */
    boolean answersAtOnce(Naysayer.Message request) { return false; }

    void apply(long index) {
        Entry entry = log.get((int) index - 1);
        Object held = values.get(entry.key);
        boolean fits = !entry.type.equals("cas") || Objects.equals(held, entry.from);
        if (fits && !entry.type.equals("read") && !entry.type.equals("no-op")) values.put(entry.key, entry.value);
        Naysayer.Message request = waiting.remove(index);
        if (request != null) answer(request, fits, held);
    }

    void answer(Naysayer.Message request, boolean fits, Object held) {
        boolean isRead = request.type().equals("read");
        if (held == null && (isRead || !fits)) ctx.error(request, 20, "no such key");
        else if (!fits) ctx.error(request, 22, "the value is " + held);
        else if (isRead) ctx.reply(request, "read_ok", "value", held);
        else ctx.reply(request, request.type() + "_ok");
    }

    @Override public Map<String, Object> view() {
        return Naysayer.map("role", role, "term", currentTerm, "last_index", lastIndex(), "commit_index", commitIndex,
            "voted_for", votedFor);
    }

    public static void main(String[] args) { Naysayer.run(RaftStore::new, args); }
}

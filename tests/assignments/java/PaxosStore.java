import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Assignment 4: a key-value store with reads, writes and compare-and-set, each key a register of single-decree Paxos
 * whose value may change (CASPaxos, Rystsov 2018).
 *
 * Every operation, reads included, is two phases under a new ballot. Phase 1 finds the value that may have been chosen;
 * phase 2 has a majority accept that value, or the one that the operation makes of it.
 */
public class PaxosStore extends Naysayer.Node {
    static final double RESEND_MS = 60;
    static final int ATTEMPTS = 12;

    record Ballot(long round, String node) implements Comparable<Ballot> {
        static final Ballot NONE = new Ballot(0, "");
        @Override public int compareTo(Ballot other) {
            return round != other.round ? Long.compare(round, other.round) : node.compareTo(other.node);
        }
        List<Object> json() { return List.of(round, node); }
        static Ballot of(Object json) { return new Ballot((Long) ((List<?>) json).get(0), (String) ((List<?>) json).get(1)); }
    }

    /** What an acceptor holds for a key. */
    static final class Register {
        Ballot promised = Ballot.NONE, accepted = Ballot.NONE;
        Object value;
    }

    record Promise(Ballot accepted, Object value) {}

    /** An operation under way, under one ballot at a time. */
    static final class Proposal {
        final Naysayer.Message request;
        final Object key;
        Ballot ballot;
        final Map<String, Promise> promises = new LinkedHashMap<>();
        final Map<String, Boolean> accepts = new LinkedHashMap<>();
        boolean accepting, mayBeChosen, refusedByValue;
        Object value, found;
        int attempts;

        Proposal(Naysayer.Message request) {
            this.request = request;
            key = request.get("key");
        }
    }

    final Map<Object, Register> registers = new LinkedHashMap<>();
    final Map<String, Proposal> proposals = new LinkedHashMap<>();
    Naysayer.Wal log;

    @Override public void onStart() {
        log = new Naysayer.Wal(ctx, "wal");
        for (byte[] bytes : log.recover()) {
            List<?> record = (List<?>) Naysayer.fromJson(bytes);
            Register register = register(record.get(0));
            register.promised = Ballot.of(record.get(1));
            if (record.size() == 2) continue;
            register.accepted = register.promised;
            register.value = record.get(2);
        }
    }

    Register register(Object key) { return registers.computeIfAbsent(key, k -> new Register()); }

    @Override public void onMessage(Naysayer.Message message) {
        switch (message.type()) {
            case "read", "write", "cas" -> begin(new Proposal(message));
            case "prepare" -> onPrepare(message);
            case "promise" -> onPromise(message);
            case "accept" -> onAccept(message);
            case "accepted" -> onAccepted(message);
            case "refused" -> onRefused(message);
            default -> super.onMessage(message);
        }
    }

    // The acceptor.

    void onPrepare(Naysayer.Message message) {
        Ballot ballot = Ballot.of(message.get("ballot"));
        Register register = register(message.get("key"));
        if (ballot.compareTo(register.promised) < 0) {
            refuse(message, register);
            return;
        }
        if (ballot.compareTo(register.promised) > 0) {
            register.promised = ballot;
            persistPromise(message.get("key"), register);
        }
        ctx.send(message.from(), "promise", "key", message.get("key"), "ballot", ballot.json(), "accepted", register.accepted.json(), "value", register.value);
    }

    void onAccept(Naysayer.Message message) {
        Ballot ballot = Ballot.of(message.get("ballot"));
        Register register = register(message.get("key"));
        if (!mayAccept(ballot, register)) {
            refuse(message, register);
            return;
        }
        if (!ballot.equals(register.accepted)) {
            register.promised = register.accepted = ballot;
            register.value = message.get("value");
            persistAccepted(message.get("key"), register);
        }
        ctx.send(message.from(), "accepted", "key", message.get("key"), "ballot", ballot.json());
    }

    boolean mayAccept(Ballot ballot, Register register) { return ballot.compareTo(register.promised) >= 0; }

    void refuse(Naysayer.Message message, Register register) {
        ctx.send(message.from(), "refused", "key", message.get("key"), "ballot", message.get("ballot"), "promised", register.promised.json());
    }

    void persistPromise(Object key, Register register) {
        log.append(Naysayer.toJson(List.of(key, register.promised.json())));
        log.sync();
    }

    void persistAccepted(Object key, Register register) {
        log.append(Naysayer.toJson(Arrays.asList(key, register.accepted.json(), register.value)));
        log.sync();
    }

    // The proposer.

    void begin(Proposal proposal) { prepare(proposal, register(proposal.key).promised); }

    void prepare(Proposal proposal, Ballot seen) {
        proposal.ballot = nextBallot(seen);
        proposal.promises.clear();
        proposal.accepts.clear();
        proposal.accepting = false;
        proposals.put(id(proposal), proposal);
        // our own acceptor comes first: it remembers the ballot, which is therefore never used again after a restart
        send(proposal);
    }

    Ballot nextBallot(Ballot seen) { return new Ballot(seen.round + 1, ctx.me); }

    String id(Proposal proposal) { return id(proposal.key, proposal.ballot); }
    static String id(Object key, Ballot ballot) { return key + " " + ballot.round + " " + ballot.node; }

    void send(Proposal proposal) {
        ctx.timer(id(proposal), RESEND_MS * (0.75 + 0.5 * ctx.random.nextDouble()));
        String type = proposal.accepting ? "accept" : "prepare";
        Map<String, ?> answered = proposal.accepting ? proposal.accepts : proposal.promises;
        if (!answered.containsKey(ctx.me)) own(proposal, type);
        for (String node : ctx.others())
            if (proposals.containsValue(proposal) && !answered.containsKey(node))
                ctx.send(node, type, "key", proposal.key, "ballot", proposal.ballot.json(), "value", proposal.value);
    }

    /** This node is an acceptor too, which needs no message. */
    void own(Proposal proposal, String type) {
        Register register = register(proposal.key);
        if (type.equals("prepare")) {
            register.promised = proposal.ballot;
            persistPromise(proposal.key, register);
            proposal.promises.put(ctx.me, new Promise(register.accepted, register.value));
        } else if (mayAccept(proposal.ballot, register)) {
            register.promised = register.accepted = proposal.ballot;
            register.value = proposal.value;
            persistAccepted(proposal.key, register);
            proposal.accepts.put(ctx.me, true);
        }
    }

    void onPromise(Naysayer.Message message) {
        Proposal proposal = proposals.get(id(message.get("key"), Ballot.of(message.get("ballot"))));
        if (proposal == null || proposal.accepting) return;
        proposal.promises.put(message.from(), new Promise(Ballot.of(message.get("accepted")), message.get("value")));
        if (proposal.promises.size() < ctx.majority()) return;
        proposal.found = inherited(proposal);
        decide(proposal);
    }

    /** The value of the greatest ballot that a majority has accepted anything in: if any was chosen, it is that one. */
    Object inherited(Proposal proposal) {
        Promise greatest = new Promise(Ballot.NONE, null);
        for (Promise promise : proposal.promises.values())
            if (promise.accepted.compareTo(greatest.accepted) > 0) greatest = promise;
        return greatest.value;
    }

    void decide(Proposal proposal) {
        Naysayer.Message request = proposal.request;
        proposal.refusedByValue = false;
        switch (request.type()) {
            case "read" -> proposal.value = proposal.found;
            case "write" -> proposal.value = request.get("value");
            default -> {
                proposal.refusedByValue = !Objects.equals(proposal.found, request.get("from"));
                proposal.value = proposal.refusedByValue ? proposal.found : request.get("to");
            }
        }
        if (answersAtOnce(proposal)) {
            finish(proposal);
            return;
        }
        proposal.accepting = true;
        proposal.mayBeChosen |= !request.type().equals("read") && !proposal.refusedByValue;
        send(proposal);
    }

    /** What was found may not be chosen yet: it must be, before a client sees it. */
    boolean answersAtOnce(Proposal proposal) { return false; }

    void onAccepted(Naysayer.Message message) {
        Proposal proposal = proposals.get(id(message.get("key"), Ballot.of(message.get("ballot"))));
        if (proposal == null || !proposal.accepting) return;
        proposal.accepts.put(message.from(), true);
        if (proposal.accepts.size() >= quorum()) finish(proposal);
    }

    int quorum() { return ctx.majority(); }

    void finish(Proposal proposal) {
        end(proposal);
        Naysayer.Message request = proposal.request;
        if (proposal.refusedByValue) ctx.error(request, proposal.found == null ? 20 : 22, "the value is " + proposal.found);
        else if (!request.type().equals("read")) ctx.reply(request, request.type() + "_ok");
        else if (proposal.value == null) ctx.error(request, 20, "no such key");
        else ctx.reply(request, "read_ok", "value", proposal.value);
    }

    void end(Proposal proposal) {
        ctx.cancel(id(proposal));
        proposals.remove(id(proposal));
    }

    void onRefused(Naysayer.Message message) {
        Proposal proposal = proposals.get(id(message.get("key"), Ballot.of(message.get("ballot"))));
        if (proposal == null) return;
        end(proposal);
        if (proposal.mayBeChosen && !mayRepeat()) {
            giveUp(proposal); // an acceptor may have the value: a second attempt could take effect twice
        } else if (++proposal.attempts > ATTEMPTS) {
            giveUp(proposal);
        } else {
            Ballot seen = Ballot.of(message.get("promised"));
            Ballot own = register(proposal.key).promised;
            proposal.ballot = nextBallot(seen.compareTo(own) > 0 ? seen : own);
            proposals.put("later " + id(proposal), proposal);
            ctx.timer("later " + id(proposal), 5 + 25 * ctx.random.nextDouble());
        }
    }

    boolean mayRepeat() { return false; }

    @Override public void onTimer(String name) {
        Proposal proposal = proposals.get(name);
        if (proposal == null) return;
        if (name.startsWith("later ")) {
            proposals.remove(name);
            Ballot own = register(proposal.key).promised;
            prepare(proposal, own.round >= proposal.ballot.round ? own : new Ballot(proposal.ballot.round - 1, ""));
        } else if (++proposal.attempts > ATTEMPTS) {
            end(proposal);
            giveUp(proposal);
        } else {
            send(proposal);
        }
    }

    void giveUp(Proposal proposal) {
        if (proposal.mayBeChosen) ctx.error(proposal.request, 0, "it may have been accepted somewhere");
        else ctx.error(proposal.request, 11, "no majority answered");
    }

    @Override public Map<String, Object> view() {
        Map<String, Object> view = new LinkedHashMap<>();
        registers.forEach((key, one) -> view.put(key.toString(), Arrays.asList(one.value, one.accepted.json(), one.promised.json())));
        return view;
    }

    public static void main(String[] args) { Naysayer.run(PaxosStore::new, args); }
}

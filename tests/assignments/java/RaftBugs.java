import java.util.Arrays;

/** Mistakes in assignment 5: each overrides one decision of RaftStore. */
public final class RaftBugs {
    /** What a majority holds is committed (figure 8). */
    static class CommitPriorTerm extends RaftStore {
        @Override boolean mayCommit(long index) { return true; }
        @Override void beginTerm() {}
    }

    /** A vote may be kept in memory. */
    static class VoteVolatile extends RaftStore {
        @Override void persistVote() {
            wal.append(Naysayer.toJson(Arrays.asList(currentTerm, null)));
            wal.sync();
        }
    }

    /** The term is learnt again. */
    static class TermVolatile extends RaftStore {
        @Override void persistVote() {}
    }

    /** What was appended is durable. */
    static class LogUnsynced extends RaftStore {
        @Override void syncLog() {}
    }

    /** My role is current. */
    static class LocalRead extends RaftStore {
        @Override boolean answersAtOnce(Naysayer.Message request) {
            if (!request.type().equals("read")) return false;
            answer(request, true, values.get(request.get("key")));
            return true;
        }
    }

    /** Any voter's log will do. */
    static class NoElectionRestriction extends RaftStore {
        @Override boolean isUpToDate(long index, long term) { return true; }
    }

    /** A message is the latest. */
    static class TruncateOnAnyAppend extends RaftStore {
        @Override boolean isThere(long index, Entry entry) { return false; }
    }

    /** An index identifies an entry. */
    static class NoPreviousTermCheck extends RaftStore {
        @Override boolean matches(long index, long term) { return index <= lastIndex(); }
    }

    /** What a follower's log ends with is the leader's. */
    static class CommitToOwnLast extends RaftStore {
        @Override long verified(long index) { return lastIndex(); }
    }

    /** What the leader has appended will be committed. */
    static class AnswerBeforeCommit extends RaftStore {
        @Override boolean answersAtOnce(Naysayer.Message request) {
            if (!request.type().equals("write")) return false;
            write(lastIndex() + 1, new Entry(currentTerm, "write", request.get("key"), request.get("value"), null));
            syncLog();
            ctx.reply(request, "write_ok");
            ctx.others().forEach(this::replicate);
            return true;
        }
    }

    public static void main(String[] args) {
        Naysayer.run(switch (args[0]) {
            case "commit-prior-term" -> CommitPriorTerm::new;
            case "vote-volatile" -> VoteVolatile::new;
            case "term-volatile" -> TermVolatile::new;
            case "log-unsynced" -> LogUnsynced::new;
            case "local-read" -> LocalRead::new;
            case "no-election-restriction" -> NoElectionRestriction::new;
            case "truncate-on-any-append" -> TruncateOnAnyAppend::new;
            case "no-previous-term-check" -> NoPreviousTermCheck::new;
            case "commit-to-own-last" -> CommitToOwnLast::new;
            case "answer-before-commit" -> AnswerBeforeCommit::new;
            default -> throw new IllegalArgumentException("no mistake " + args[0]);
        }, args);
    }
}

import java.util.Objects;

/** Mistakes in assignment 4: each overrides one decision of PaxosStore. */
public final class PaxosBugs {
    /** A promise may be kept in memory. */
    static class PromiseVolatile extends PaxosStore {
        @Override void persistPromise(Object key, Register register) {}
    }

    /** A vote may be kept in memory. */
    static class AcceptVolatile extends PaxosStore {
        @Override void persistAccepted(Object key, Register register) {}
    }

    /** A promise concerns prepare requests only. */
    static class AcceptBelowPromise extends PaxosStore {
        @Override boolean mayAccept(Ballot ballot, Register register) { return true; }
    }

    /** Any reported value is as good as another. */
    static class AdoptAnyAccepted extends PaxosStore {
        @Override Object inherited(Proposal proposal) {
            return proposal.promises.values().stream().map(Promise::value).filter(Objects::nonNull).findFirst().orElse(null);
        }
    }

    /** Two proposers never choose the same number. */
    static class BallotCollision extends PaxosStore {
        @Override Ballot nextBallot(Ballot seen) { return new Ballot(seen.round() + 1, ""); }
    }

    /** A value is chosen once one acceptor has it. */
    static class LearnFromMinority extends PaxosStore {
        @Override int quorum() { return 1; }
        @Override void own(Proposal proposal, String type) {
            super.own(proposal, type);
            if (proposal.accepting && proposal.accepts.size() >= quorum()) finish(proposal);
        }
    }

    /** What was accepted here is the latest. */
    static class LocalRead extends PaxosStore {
        @Override void begin(Proposal proposal) {
            Object value = register(proposal.key).value;
            if (proposal.request.type().equals("read") && value != null) ctx.reply(proposal.request, "read_ok", "value", value);
            else super.begin(proposal);
        }
    }

    /** A read has nothing to propose (Cassandra had this bug: CASSANDRA-12126). */
    static class ReadWithoutRepropose extends PaxosStore {
        @Override boolean answersAtOnce(Proposal proposal) { return proposal.request.type().equals("read"); }
    }

    /** A cas that changes nothing needs no second phase. */
    static class FailedCasNotProposed extends PaxosStore {
        @Override boolean answersAtOnce(Proposal proposal) { return proposal.refusedByValue; }
    }

    /** A proposal that was refused did not happen. */
    static class RefusedIsRepeated extends PaxosStore {
        @Override boolean mayRepeat() { return true; }
    }

    public static void main(String[] args) {
        Naysayer.run(switch (args[0]) {
            case "promise-volatile" -> PromiseVolatile::new;
            case "accept-volatile" -> AcceptVolatile::new;
            case "accept-below-promise" -> AcceptBelowPromise::new;
            case "adopt-any-accepted" -> AdoptAnyAccepted::new;
            case "ballot-collision" -> BallotCollision::new;
            case "learn-from-minority" -> LearnFromMinority::new;
            case "local-read" -> LocalRead::new;
            case "read-without-repropose" -> ReadWithoutRepropose::new;
            case "failed-cas-not-proposed" -> FailedCasNotProposed::new;
            case "refused-is-repeated" -> RefusedIsRepeated::new;
            default -> throw new IllegalArgumentException("no mistake " + args[0]);
        }, args);
    }
}

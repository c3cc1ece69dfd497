/** Mistakes in assignment 2: each overrides one decision of QuorumStore. */
public final class QuorumBugs {
    /** R + W > N suffices. */
    static class NoReadRepair extends QuorumStore {
        @Override void repair(long op, Held newest) { finish(op, newest.value()); }
    }

    /** The repair arrives in time. */
    static class AsyncReadRepair extends QuorumStore {
        @Override void repair(long op, Held newest) {
            Operation o = operations.get(op);
            for (String node : ctx.others())
                ctx.send(node, "put", "op", op, "key", o.key, "version", newest.version().json(), "value", newest.value());
            finish(op, newest.value());
        }
    }

    /** Clocks agree. */
    static class WallClock extends QuorumStore {
        @Override Version newVersion(Version newest) { return new Version(ctx.epochMillis(), ctx.me); }
    }

    /** Two writes never choose the same version. */
    static class TimestampTie extends QuorumStore {
        @Override Version newVersion(Version newest) { return new Version(newest.counter() + 1, ""); }
    }

    /** My own counter is the maximum. */
    static class LocalCounter extends QuorumStore {
        @Override Version newVersion(Version newest) { return new Version(++counter, ctx.me); }
    }

    /** Any two nodes do. */
    static class SubMajority extends QuorumStore {
        @Override int writeQuorum() { return ctx.majority() - 1; }
    }

    /** The local copy is fresh. */
    static class ReadOne extends QuorumStore {
        @Override int readQuorum() { return 1; }
    }

    /** No quorum, no effect. */
    static class TimeoutIsFail extends QuorumStore {
        @Override void giveUp(Operation o) { ctx.error(o.request, 11, "no majority has stored it"); }
    }

    /** The disk will have it. */
    static class NoSync extends QuorumStore {
        @Override void sync() {}
    }

    /** Answers are for the operation that waits for them. */
    static class OperationsReset extends QuorumStore {
        @Override public void onStart() {
            super.onStart();
            next = 0;
        }
    }

    /** Every answer has a value. */
    static class NullPointer extends QuorumStore {
        @Override void finish(long op, Object value) {
            if (value.equals("")) return;
            super.finish(op, value);
        }
    }

    public static void main(String[] args) {
        Naysayer.run(switch (args[0]) {
            case "no-read-repair" -> NoReadRepair::new;
            case "async-read-repair" -> AsyncReadRepair::new;
            case "wall-clock" -> WallClock::new;
            case "timestamp-tie" -> TimestampTie::new;
            case "local-counter" -> LocalCounter::new;
            case "sub-majority" -> SubMajority::new;
            case "read-one" -> ReadOne::new;
            case "timeout-is-fail" -> TimeoutIsFail::new;
            case "no-sync" -> NoSync::new;
            case "operations-reset" -> OperationsReset::new;
            case "null-pointer" -> NullPointer::new;
            default -> throw new IllegalArgumentException("no mistake " + args[0]);
        }, args);
    }
}

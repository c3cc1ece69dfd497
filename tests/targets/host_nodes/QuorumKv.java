/** The quorum store of the assignments' solutions, with what a hunt must report as it is: exceptions, hangs, and more. */
public final class QuorumKv {
    static class NoReadRepair extends QuorumStore {
        @Override void repair(long op, Held newest) { finish(op, newest.value()); }
    }

    static class NoSync extends QuorumStore {
        @Override void sync() {}
    }

    static class Raises extends QuorumStore {
        @Override void giveUp(Operation operation) { Object missing = null; missing.toString(); }
    }

    static class Hangs extends QuorumStore {
        @Override void giveUp(Operation operation) { while (operation.attempts > 0) Thread.onSpinWait(); }
    }

    static class Waits extends QuorumStore {
        @Override void giveUp(Operation operation) {
            try { Thread.sleep(1_000_000); } catch (InterruptedException error) { throw new IllegalStateException(error); }
        }
    }

    static class Dies extends QuorumStore {
        @Override void giveUp(Operation operation) { System.out.println("giving up for good"); System.exit(7); }
    }

    /** Static state is shared by all lives of a process, and survives a crash. */
    static class Shares extends QuorumStore {
        static long lives;
        @Override public void onStart() { super.onStart(); next = ++lives * 1_000_000; }
    }

    static class Clock extends QuorumStore {
        @Override public void onStart() { super.onStart(); next = System.nanoTime() & 0xffffffL; }
    }

    public static void main(String[] args) {
        Naysayer.run(switch (args.length == 0 ? "" : args[0]) {
            case "no-read-repair" -> NoReadRepair::new;
            case "no-sync" -> NoSync::new;
            case "raises" -> Raises::new;
            case "hangs" -> Hangs::new;
            case "waits" -> Waits::new;
            case "dies" -> Dies::new;
            case "shares" -> Shares::new;
            case "clock" -> Clock::new;
            default -> QuorumStore::new;
        }, args);
    }
}

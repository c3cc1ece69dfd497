/** Mistakes in assignment 1: each overrides one decision of WalStore. */
public final class WalBugs {
    /** Buffered is durable. */
    static class AckBeforeFsync extends WalStore {
        @Override void sync() {}
    }

    /** Readers may see what is not durable. */
    static class ApplyBeforeLog extends WalStore {
        @Override Object read(Object key) { return ahead.get(key); }
    }

    /** The last record is whole. */
    static class TornTailUnchecked extends WalStore {
        @Override boolean fits(int length, int remaining) { return true; }
        @Override boolean intact(byte[] record, int sum) { return true; }
    }

    /** What is behind the last whole record does no harm. */
    static class AppendAfterTornTail extends WalStore {
        @Override void cut(int size) {}
    }

    /** The name of a new file is durable. */
    static class NoDirectoryFsync extends WalStore {
        @Override void syncDirectory() {}
    }

    /** The old log may go when the new one begins. */
    static class CleanFirst extends WalStore {
        @Override void snapshotAndClean() {
            clean(log(), snapshot());
            super.snapshotAndClean();
        }
        @Override void clean(String oldLog, String oldSnapshot) {
            if (ctx.disk.exists(oldLog)) super.clean(oldLog, oldSnapshot);
        }
    }

    /** A file that was written is on the disk when it has its name. */
    static class SnapshotUnsynced extends WalStore {
        @Override void writeSnapshot() {
            ctx.disk.create(snapshot());
            ctx.disk.append(snapshot(), framed(Naysayer.toJson(values)));
        }
    }

    public static void main(String[] args) {
        Naysayer.run(switch (args[0]) {
            case "ack-before-fsync" -> AckBeforeFsync::new;
            case "apply-before-log" -> ApplyBeforeLog::new;
            case "torn-tail-unchecked" -> TornTailUnchecked::new;
            case "append-after-torn-tail" -> AppendAfterTornTail::new;
            case "no-directory-fsync" -> NoDirectoryFsync::new;
            case "clean-first" -> CleanFirst::new;
            case "snapshot-unsynced" -> SnapshotUnsynced::new;
            default -> throw new IllegalArgumentException("no mistake " + args[0]);
        }, args);
    }
}

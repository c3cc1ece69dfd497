/** Mistakes in assignment 3: each overrides one decision of GenerationClock. */
public final class GenerationBugs {
    /** A vote may be kept in memory. */
    static class GenerationVolatile extends GenerationClock {
        @Override void persistGrant() {}
    }

    /** The write will finish. */
    static class ReplyBeforeDurable extends GenerationClock {
        @Override void persistGrant() { log.append(Naysayer.toJson(java.util.List.of(granted))); }
    }

    /** An equal generation comes from the same candidate. */
    static class EqualGranted extends GenerationClock {
        @Override boolean mayGrant(long generation) { return generation >= granted; }
    }

    /** An old owner knows that it was replaced. */
    static class NoFencing extends GenerationClock {
        @Override boolean mayStore(long generation) { return true; }
    }

    /** A new owner needs nothing but its generation. */
    static class NoTakeover extends GenerationClock {
        @Override void won(Round campaign) {
            campaign.entries.clear();
            stored(campaign);
        }
    }

    /** The newest copy that a voter has is good enough. */
    static class ReadWithoutRepair extends GenerationClock {
        @Override void gotAll(Round get) { answerRead(get.request, newest(get, get.key)); }
    }

    public static void main(String[] args) {
        Naysayer.run(switch (args[0]) {
            case "generation-volatile" -> GenerationVolatile::new;
            case "reply-before-durable" -> ReplyBeforeDurable::new;
            case "equal-granted" -> EqualGranted::new;
            case "no-fencing" -> NoFencing::new;
            case "no-takeover" -> NoTakeover::new;
            case "read-without-repair" -> ReadWithoutRepair::new;
            default -> throw new IllegalArgumentException("no mistake " + args[0]);
        }, args);
    }
}

import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Assignment 3: generations handed out by a majority, and registers that only the newest generation may write.
 *
 * {@code next} makes the node that is asked the owner of a new generation. Before it answers, it takes over the newest
 * entry of each key that its voters know, and stores it under its own generation: so a write of an older owner that is
 * not among them can never succeed. {@code fenced-write} is carried out by the owner of the generation that the client
 * shows, and replicas refuse it once they have granted a newer one. {@code read} asks a majority and repairs, which is
 * refused alike: what no voter told a new owner is not to come back.
 */
public class GenerationClock extends Naysayer.Node {
    static final double RESEND_MS = 60;
    static final int ATTEMPTS = 8;

    record Stamp(long generation, long number) implements Comparable<Stamp> {
        static final Stamp NONE = new Stamp(0, 0);
        @Override public int compareTo(Stamp other) {
            return generation != other.generation ? Long.compare(generation, other.generation) : Long.compare(number, other.number);
        }
    }

    record Entry(Stamp stamp, Object value) {
        static final Entry NOTHING = new Entry(Stamp.NONE, null);
        List<Object> json() { return Arrays.asList(stamp.generation, stamp.number, value); }
        static Entry of(Object json) {
            List<?> list = (List<?>) json;
            return new Entry(new Stamp((Long) list.get(0), (Long) list.get(1)), list.get(2));
        }
    }

    /** Something that needs a majority: a campaign, the storing of entries, or the asking for one. */
    static final class Round {
        final String type;
        final Naysayer.Message request;
        final Object key;
        /** The generation under which it acts, of a repair the one of what it stores; 0: asking needs none. */
        long generation;
        Map<Object, Entry> entries = new LinkedHashMap<>();
        final Map<String, Map<Object, Entry>> answers = new LinkedHashMap<>();
        int attempts = 1;

        Round(String type, Naysayer.Message request) {
            this.type = type;
            this.request = request;
            this.key = request.get("key");
        }
    }

    final Map<Object, Entry> entries = new LinkedHashMap<>();
    /** The newest generation that this node has granted. */
    long granted;
    /** The generation that this node owns; 0: none. */
    long owned;
    long writes;
    final Map<Long, Round> rounds = new LinkedHashMap<>();
    long next;
    Naysayer.Wal log;

    @Override public void onStart() {
        next = ctx.random.nextInt() & 0x7fffffffL; // answers to an earlier life may still be under way
        log = new Naysayer.Wal(ctx, "wal");
        for (byte[] bytes : log.recover()) {
            List<?> record = (List<?>) Naysayer.fromJson(bytes);
            if (record.size() == 1) granted = Math.max(granted, (Long) record.get(0));
            else entries.put(record.get(0), Entry.of(record.get(1)));
        }
    }

    @Override public void onMessage(Naysayer.Message message) {
        switch (message.type()) {
            case "next" -> begin(new Round("campaign", message));
            case "read" -> begin(new Round("get", message));
            case "fenced-write" -> write(message);
            case "campaign" -> onCampaign(message);
            case "store" -> onStore(message);
            case "get" -> answer(message, "granted", one(message.get("key")));
            case "granted" -> onGranted(message);
            case "refused" -> onRefused(message);
            default -> super.onMessage(message);
        }
    }

    // What a replica promises and stores.

    boolean mayGrant(long generation) { return generation > granted; }
    boolean mayStore(long generation) { return generation >= granted; }

    void onCampaign(Naysayer.Message message) {
        long generation = message.number("generation");
        if (!mayGrant(generation)) {
            ctx.send(message.from(), "refused", "round", message.get("round"), "granted", granted);
            return;
        }
        grant(generation);
        persistGrant();
        answer(message, "granted", entries);
    }

    void grant(long generation) {
        granted = generation;
        if (generation > owned) owned = 0;
    }

    void persistGrant() {
        log.append(Naysayer.toJson(List.of(granted)));
        log.sync();
    }

    void onStore(Naysayer.Message message) {
        long generation = message.number("generation");
        if (!mayStore(generation)) {
            ctx.send(message.from(), "refused", "round", message.get("round"), "granted", granted);
            return;
        }
        if (generation > granted) {
            grant(generation);
            persistGrant();
        }
        boolean changed = false;
        for (Object json : message.list("entries")) {
            List<?> pair = (List<?>) json;
            Entry entry = Entry.of(pair.get(1));
            if (entry.stamp.compareTo(entry(pair.get(0)).stamp) <= 0) continue;
            entries.put(pair.get(0), entry);
            log.append(Naysayer.toJson(Arrays.asList(pair.get(0), entry.json())));
            changed = true;
        }
        if (changed) log.sync();
        answer(message, "granted", Map.of());
    }

    Entry entry(Object key) { return entries.getOrDefault(key, Entry.NOTHING); }
    Map<Object, Entry> one(Object key) { return Collections.singletonMap(key, entry(key)); }

    void answer(Naysayer.Message message, String type, Map<Object, Entry> found) {
        ctx.send(message.from(), type, "round", message.get("round"), "generation", message.get("generation"), "entries", json(found));
    }

    static List<Object> json(Map<Object, Entry> entries) {
        return entries.entrySet().stream().map(one -> (Object) Arrays.asList(one.getKey(), one.getValue().json())).toList();
    }

    // What this node asks a majority for.

    void begin(Round round) {
        rounds.put(++next, round);
        if (round.type.equals("campaign")) round.generation = granted + 1;
        ask(next);
    }

    void ask(long number) {
        Round round = rounds.get(number);
        ctx.timer(Long.toString(number), RESEND_MS * (0.75 + 0.5 * ctx.random.nextDouble()));
        for (String node : ctx.nodes)
            if (!round.answers.containsKey(node))
                ctx.send(node, round.type, "round", number, "generation", round.generation, "key", round.key, "entries", json(round.entries));
    }

    void onGranted(Naysayer.Message message) {
        long number = message.number("round");
        Round round = rounds.get(number);
        if (round == null || !counts(message, round)) return;
        Map<Object, Entry> found = new HashMap<>();
        for (Object json : message.list("entries")) found.put(((List<?>) json).get(0), Entry.of(((List<?>) json).get(1)));
        round.answers.put(message.from(), found);
        if (round.answers.size() < ctx.majority()) return;
        rounds.remove(number);
        ctx.cancel(Long.toString(number));
        switch (round.type) {
            case "campaign" -> won(round);
            case "get" -> gotAll(round);
            default -> stored(round);
        }
    }

    boolean counts(Naysayer.Message message, Round round) { return message.number("generation") == round.generation; }

    /** The voters' newest entries are stored under the new generation before anything is answered. */
    void won(Round campaign) {
        Round takeover = new Round("store", campaign.request);
        takeover.generation = campaign.generation;
        Map<String, Object> keys = new TreeMap<>(); // by name: a HashMap's order is not the same in every run
        for (Map<Object, Entry> found : campaign.answers.values()) found.keySet().forEach(key -> keys.put(key.toString(), key));
        if (campaign.key != null) keys.put(campaign.key.toString(), campaign.key);
        for (Object key : keys.values())
            takeover.entries.put(key, new Entry(new Stamp(campaign.generation, 0), newest(campaign, key).value));
        begin(takeover);
    }

    static Entry newest(Round round, Object key) {
        return round.answers.values().stream().map(found -> found.getOrDefault(key, Entry.NOTHING))
            .max(Comparator.comparing(Entry::stamp)).orElse(Entry.NOTHING);
    }

    void gotAll(Round get) {
        Entry newest = newest(get, get.key);
        boolean known = get.answers.values().stream().allMatch(found -> found.getOrDefault(get.key, Entry.NOTHING).equals(newest));
        if (known) {
            answerRead(get.request, newest);
            return;
        }
        Round repair = new Round("store", get.request);
        repair.generation = newest.stamp.generation; // a voter that has granted a newer one has told what is taken over
        repair.entries.put(get.key, newest);
        begin(repair);
    }

    void stored(Round store) {
        switch (store.request.type()) {
            case "next" -> {
                if (granted == store.generation) {
                    owned = store.generation;
                    writes = 0;
                }
                ctx.reply(store.request, "next_ok", "generation", store.generation);
            }
            case "read" -> answerRead(store.request, store.entries.get(store.key));
            default -> ctx.reply(store.request, "fenced-write_ok");
        }
    }

    void answerRead(Naysayer.Message request, Entry found) {
        if (found.value == null) ctx.error(request, 20, "no such key");
        else ctx.reply(request, "read_ok", "value", found.value);
    }

    void write(Naysayer.Message request) {
        if (owned == 0 || request.number("generation") != owned) {
            ctx.error(request, 22, "that generation is over, or another node owns it");
            return;
        }
        Round store = new Round("store", request);
        store.generation = owned;
        store.entries.put(request.get("key"), new Entry(new Stamp(owned, ++writes), request.get("value")));
        begin(store);
    }

    void onRefused(Naysayer.Message message) {
        Round round = rounds.remove(message.number("round"));
        if (round == null) return;
        ctx.cancel(Long.toString(message.number("round")));
        if (!round.request.type().equals("next")) giveUp(round, "a newer generation was granted");
        else if (++round.attempts > ATTEMPTS) giveUp(round, "other nodes campaign too");
        else again(round, message.number("granted"));
    }

    /** A candidate that lost tries a greater generation, later. */
    void again(Round round, long seen) {
        Round campaign = new Round("campaign", round.request);
        campaign.attempts = round.attempts;
        campaign.generation = Math.max(seen, granted) + 1;
        rounds.put(++next, campaign);
        ctx.timer(Long.toString(next), 5 + 20 * ctx.random.nextDouble());
    }

    @Override public void onTimer(String name) {
        long number = Long.parseLong(name);
        Round round = rounds.get(number);
        if (round == null) return;
        if (++round.attempts <= ATTEMPTS) ask(number);
        else giveUp(rounds.remove(number), "no majority answered");
    }

    /** A write that may be stored somewhere may yet be read. */
    void giveUp(Round round, String why) { ctx.error(round.request, round.request.type().equals("fenced-write") ? 0 : 11, why); }

    @Override public Map<String, Object> view() {
        Map<String, Object> view = new LinkedHashMap<>();
        view.put("term", granted);
        view.put("role", owned > 0 ? "leader" : "follower");
        entries.forEach((key, entry) -> view.put(key.toString(), entry.json()));
        return view;
    }

    public static void main(String[] args) { Naysayer.run(GenerationClock::new, args); }
}

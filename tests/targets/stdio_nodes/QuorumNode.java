import java.io.*;
import java.util.*;
import java.util.concurrent.*;

/** A quorum key-value store as a student may write it. BUGS=norepair, timeoutfail (a time-out is answered as a failure),
 *  memonly (nothing is read back after a restart), readone, tie or cas22 turns mistakes on; with SLOW_MS=4000 it takes
 *  4 s more to start. */
public final class QuorumNode {
    static final Set<String> BUGS = new HashSet<>(Arrays.asList(System.getenv().getOrDefault("BUGS", "").split(",")));
    record Versioned(Object value, long ts, String by) {
        boolean newer(Versioned o) { return ts != o.ts ? ts > o.ts : by.compareTo(o.by) > 0; }
        Map<String,Object> map() { Map<String,Object> m = new LinkedHashMap<>(); m.put("v", value); m.put("ts", ts); m.put("by", by); return m; }
        static Versioned of(Map<?,?> m) { return new Versioned(m.get("v"), (Long) m.get("ts"), (String) m.get("by")); }
    }
    static final Versioned NONE = new Versioned(null, 0, "");
    String me; List<String> nodes = new ArrayList<>();
    final Map<String,Versioned> store = new ConcurrentHashMap<>();
    final Map<Long,CompletableFuture<Map<?,?>>> waiting = new ConcurrentHashMap<>();
    long nextId = 1;
    final ExecutorService pool = Executors.newCachedThreadPool();
    PrintWriter log; final java.util.concurrent.atomic.AtomicLong stamp = new java.util.concurrent.atomic.AtomicLong(System.nanoTime());

    synchronized void send(String dest, Map<String,Object> body) {
        Map<String,Object> m = new LinkedHashMap<>(); m.put("src", me); m.put("dest", dest); m.put("body", body);
        System.out.println(Json.write(m)); System.out.flush();
    }
    static Map<String,Object> body(Object... kv) { Map<String,Object> m = new LinkedHashMap<>(); for (int i = 0; i < kv.length; i += 2) m.put((String) kv[i], kv[i + 1]); return m; }

    CompletableFuture<Map<?,?>> rpc(String dest, Map<String,Object> body) {
        CompletableFuture<Map<?,?>> f = new CompletableFuture<>(); long id;
        synchronized (this) { id = nextId++; }
        waiting.put(id, f); body.put("msg_id", id); send(dest, body); return f;
    }
    synchronized void accept(String key, Versioned v) {
        if (v.newer(store.getOrDefault(key, NONE))) { store.put(key, v); log.println(Json.write(body("k", key, "d", v.map()))); log.flush(); }
    }
    /** Answers of a majority, my own among them. */
    List<Map<?,?>> majority(Map<String,Object> body, Map<String,Object> mine) throws Exception {
        BlockingQueue<Map<?,?>> q = new LinkedBlockingQueue<>(); q.add(mine);
        for (String n : nodes) if (!n.equals(me)) rpc(n, new LinkedHashMap<>(body)).thenAccept(q::add);
        List<Map<?,?>> got = new ArrayList<>(); long end = System.nanoTime() + 500_000_000L;
        while (got.size() < nodes.size() / 2 + 1) {
            Map<?,?> a = q.poll(end - System.nanoTime(), TimeUnit.NANOSECONDS);
            if (a == null) throw new TimeoutException(); got.add(a);
        }
        return got;
    }
    Versioned newest(String key) throws Exception {
        Versioned best = NONE;
        for (Map<?,?> a : majority(body("type", "get", "key", key), body("d", store.getOrDefault(key, NONE).map()))) {
            Versioned v = Versioned.of((Map<?,?>) a.get("d")); if (v.newer(best)) best = v; }
        return best;
    }
    void spread(String key, Versioned v) throws Exception { accept(key, v); majority(body("type", "put", "key", key, "d", v.map()), body()); }

    void client(String src, Map<?,?> b) {
        Object id = b.get("msg_id"); String key = String.valueOf(b.get("key"));
        try {
            switch ((String) b.get("type")) {
                case "read" -> { Versioned v = BUGS.contains("readone") ? store.getOrDefault(key, NONE) : newest(key);
                    if (!BUGS.contains("norepair") && !BUGS.contains("readone") && v != NONE) spread(key, v);
                    if (v.value() == null) send(src, body("type", "error", "code", 20, "text", "no such key", "in_reply_to", id));
                    else send(src, body("type", "read_ok", "value", v.value(), "in_reply_to", id)); }
                case "write" -> { spread(key, new Versioned(b.get("value"), newest(key).ts() + 1, BUGS.contains("tie") ? me : me + "#" + stamp.incrementAndGet()));
                    send(src, body("type", "write_ok", "in_reply_to", id)); }
                default -> send(src, body("type", "error", "code", BUGS.contains("cas22") ? 22 : 10, "text", "not supported", "in_reply_to", id));
            }
        } catch (TimeoutException e) {
            if (BUGS.contains("timeoutfail")) send(src, body("type", "error", "code", 11, "text", "no quorum", "in_reply_to", id));
            else send(src, body("type", "error", "code", 0, "text", "no quorum in time", "in_reply_to", id));
        } catch (Exception e) { e.printStackTrace(); }
    }
    void run() throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
        for (String line; (line = in.readLine()) != null; ) {
            Map<?,?> m = (Map<?,?>) Json.parse(line); Map<?,?> b = (Map<?,?>) m.get("body"); String src = (String) m.get("src");
            Object re = b.get("in_reply_to");
            if (re != null) { CompletableFuture<Map<?,?>> f = waiting.remove((Long) re); if (f != null) f.complete(b); continue; }
            Object id = b.get("msg_id");
            switch ((String) b.get("type")) {
                case "init" -> { me = (String) b.get("node_id"); for (Object n : (List<?>) b.get("node_ids")) nodes.add((String) n);
                    File f = new File(System.getenv("NAYSAYER_DATA"), me + ".log");
                    f.getParentFile().mkdirs(); if (f.exists() && !BUGS.contains("memonly")) try (BufferedReader r = new BufferedReader(new FileReader(f))) { for (String l; (l = r.readLine()) != null; ) try { Map<?,?> e = (Map<?,?>) Json.parse(l); store.put((String) e.get("k"), Versioned.of((Map<?,?>) e.get("d"))); } catch (RuntimeException torn) { System.err.println("torn: " + l); } }
                    log = new PrintWriter(new FileWriter(f, true)); nextId = System.nanoTime();
                    send(src, body("type", "init_ok", "in_reply_to", id)); }
                case "get" -> send(src, body("type", "get_ok", "d", store.getOrDefault((String) b.get("key"), NONE).map(), "in_reply_to", id));
                case "put" -> { accept((String) b.get("key"), Versioned.of((Map<?,?>) b.get("d"))); send(src, body("type", "put_ok", "in_reply_to", id)); }
                default -> pool.submit(() -> client(src, b));
            }
        }
        System.exit(0);
    }
    public static void main(String[] a) throws Exception { Thread.sleep(Long.parseLong(System.getenv().getOrDefault("SLOW_MS", "0"))); new QuorumNode().run(); }
}

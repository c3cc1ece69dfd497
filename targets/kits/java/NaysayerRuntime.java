import java.io.ByteArrayOutputStream;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.math.BigInteger;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.Provider;
import java.security.SecureRandomSpi;
import java.security.Security;
import java.util.*;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** What runs nodes: the node protocol in virtual time, Maelstrom's protocol in real time, and JSON. */
final class NaysayerRuntime {
    private static final int VERSION = 1;

    private NaysayerRuntime() {}

    static void run(Supplier<? extends Naysayer.Node> make, String... args) {
        OutputStream out = new FileOutputStream(FileDescriptor.out);
        System.setOut(System.err); // stdout belongs to the protocol
        System.setIn(InputStream.nullInputStream());
        try {
            if (List.of(args).contains("--stdio")) new RealTime(make, out).run();
            else new VirtualTime(make, out).run();
        } catch (IOException error) {
            Runtime.getRuntime().halt(0); // the process that started this one has gone
        } catch (Throwable error) {
            error.printStackTrace();
            Runtime.getRuntime().halt(1);
        }
        System.exit(0); // threads of a node do not keep it alive
    }

    // ------------------------------------------------------------------------------------------------ virtual time

    /** Holds any number of lives of nodes: one line in, one line out. */
    private static final class VirtualTime {
        private final Supplier<? extends Naysayer.Node> make;
        private final OutputStream stdout;
        private final Map<Object, Life> lives = new HashMap<>();
        private final Bytes out = new Bytes(4096);

        VirtualTime(Supplier<? extends Naysayer.Node> make, OutputStream stdout) { this.make = make; this.stdout = stdout; }

        void run() throws IOException {
            Lines in = new Lines(new FileInputStream(FileDescriptor.in));
            Pin.before(0);
            out.ascii("{\"naysayer\":" + VERSION + ",\"kit\":\"java 1.0\"}\n").flush(stdout);
            while (in.next()) {
                try {
                    answer(new Json(in.buffer, in.from, in.to).object());
                } catch (OutOfMemoryError error) {
                    throw error;
                } catch (Throwable error) {
                    raised(error);
                }
                out.put('\n').flush(stdout);
            }
        }

        private void answer(Map<String, Object> input) {
            if (input.get("forget") instanceof List<?> gone) gone.forEach(lives::remove);
            String event = (String) input.get("event");
            if ("start".equals(event)) lives.put(input.get("id"), born(input));
            Life life = lives.get(input.get("id"));
            if (life == null) throw new IllegalArgumentException("no life " + input.get("id"));
            if ("view".equals(event)) {
                out.ascii("{\"view\":");
                Json.write(out, life.node.view());
                out.put('}');
                return;
            }
            life.now = ((Number) input.get("now")).doubleValue();
            life.first = true;
            Pin.before(life.seed + life.inputs++);
            out.ascii("{\"do\":[");
            switch (String.valueOf(event)) {
                case "start" -> life.node.onStart();
                case "message" -> life.node.onMessage(message(input.get("from"), input.get("body")));
                case "timer" -> life.node.onTimer((String) input.get("name"));
                default -> throw new IllegalArgumentException("unknown event " + event);
            }
            out.ascii("]}");
        }

        @SuppressWarnings("unchecked")
        private Life born(Map<String, Object> input) {
            long seed = (Long) input.get("seed");
            Life life = new Life((String) input.get("node"), (List<String>) input.get("nodes"), seed, out);
            ((Map<String, Object>) input.getOrDefault("disk", Map.of())).forEach((name, data) ->
                life.disk.files.put(name, Bytes.of(Base64.getDecoder().decode((String) data))));
            Pin.before(seed);
            life.node = make.get();
            life.node.ctx = life;
            return life;
        }

        private void raised(Throwable error) {
            List<String> at = new ArrayList<>();
            for (StackTraceElement frame : error.getStackTrace()) {
                String owner = frame.getClassName();
                if (owner.equals(VirtualTime.class.getName())) break;
                if (owner.startsWith("Naysayer") || owner.startsWith("java.") || owner.startsWith("jdk.")) continue;
                if (at.size() < 8) at.add(frame.getFileName() + ":" + frame.getLineNumber() + " in " + frame.getMethodName());
            }
            String kind = error.getClass().getSimpleName();
            out.size = 0;
            Json.write(out, Naysayer.map("error", kind.isEmpty() ? error.getClass().getName() : kind,
                "text", error.getMessage() == null ? "" : error.getMessage(), "at", at));
        }
    }

    /** One life of a node: its effects become JSON when the handler asks for them. */
    private static final class Life extends Naysayer.Context {
        private final Bytes out;
        private final long seed;
        private Naysayer.Node node;
        private long inputs;
        private boolean first;

        Life(String me, List<String> nodes, long seed, Bytes out) {
            super(me, nodes, seed);
            this.seed = seed;
            this.out = out;
        }

        private Bytes next(String what) {
            if (!first) out.put(',');
            first = false;
            return out.ascii("[\"").ascii(what).put('"');
        }

        @Override public void send(String to, Map<String, Object> body) { Json.write(next("send").put(',').string(to).put(','), body); out.put(']'); }
        @Override public void timer(String name, double afterMs) { Json.write(next("timer").put(',').string(name).put(','), afterMs); out.put(']'); }
        @Override public void cancel(String name) { next("cancel").put(',').string(name).put(']'); }
        @Override public void log(String text) { next("log").put(',').string(text).put(']'); }

        @Override void onDisk(String what, String name, String to, byte[] data, long size) {
            next(what);
            if (name != null) out.put(',').string(name);
            if (to != null) out.put(',').string(to);
            if (data != null) out.put(',').string(Base64.getEncoder().encodeToString(data));
            if (size >= 0) out.put(',').ascii(Long.toString(size));
            out.put(']');
        }
    }

    /**
     * Makes what the JDK draws by itself the same in every process: the order of Set.of and Map.of, Math.random,
     * ThreadLocalRandom, SecureRandom and so UUID.randomUUID. A JDK that does not let us goes on without; Naysayer notices
     * if a node depends on it.
     */
    static final class Pin {
        private static Object unsafe;
        private static Method putLong;
        private static Random math;
        private static long threadSeed;
        private static final Random SECURE = new Random();

        static {
            try {
                Class<?> type = Class.forName("sun.misc.Unsafe");
                Field single = type.getDeclaredField("theUnsafe");
                single.setAccessible(true);
                Object found = single.get(null);
                Method base = type.getMethod("staticFieldBase", Field.class), offset = type.getMethod("staticFieldOffset", Field.class);
                Method put = type.getMethod("putLong", Object.class, long.class, long.class);
                Class<?> sets = Class.forName("java.util.ImmutableCollections");
                Field salt = sets.getDeclaredField("SALT32L"), reverse = sets.getDeclaredField("REVERSE");
                put.invoke(found, base.invoke(found, salt), offset.invoke(found, salt), 0x5EEDL);
                type.getMethod("putBoolean", Object.class, long.class, boolean.class)
                    .invoke(found, base.invoke(found, reverse), offset.invoke(found, reverse), false);
                Math.random(); // makes its generator
                Field drawn = Class.forName("java.lang.Math$RandomNumberGeneratorHolder").getDeclaredField("randomNumberGenerator");
                math = (Random) type.getMethod("getObject", Object.class, long.class)
                    .invoke(found, base.invoke(found, drawn), offset.invoke(found, drawn));
                threadSeed = (Long) type.getMethod("objectFieldOffset", Field.class)
                    .invoke(found, Thread.class.getDeclaredField("threadLocalRandomSeed"));
                putLong = put;
                unsafe = found;
                Security.insertProviderAt(new Fixed(), 1);
            } catch (ReflectiveOperationException | RuntimeException | LinkageError error) {
                unsafe = null;
            }
        }

        /** Before each input: what is drawn depends on the life of the node, and on the number of the input in it. */
        static void before(long seed) {
            if (unsafe == null) return;
            math.setSeed(seed);
            SECURE.setSeed(seed);
            ThreadLocalRandom.current();
            try {
                putLong.invoke(unsafe, Thread.currentThread(), threadSeed, seed);
            } catch (ReflectiveOperationException error) {
                unsafe = null;
            }
        }
    }

    private static final class Fixed extends Provider {
        private static final long serialVersionUID = 1;

        Fixed() {
            super("Naysayer", "1", "the same numbers each time");
            put("SecureRandom.DRBG", Drawn.class.getName());
        }
    }

    /** Public, as the JDK makes it by its name. */
    public static final class Drawn extends SecureRandomSpi {
        private static final long serialVersionUID = 1;

        @Override protected void engineSetSeed(byte[] seed) {}
        @Override protected void engineNextBytes(byte[] bytes) { Pin.SECURE.nextBytes(bytes); }

        @Override protected byte[] engineGenerateSeed(int count) {
            byte[] bytes = new byte[count];
            engineNextBytes(bytes);
            return bytes;
        }
    }

    // --------------------------------------------------------------------------------------------------- real time

    /** One node, by Maelstrom's protocol: real timers, and files in the folder that NAYSAYER_DATA names. */
    private static final class RealTime {
        private final Supplier<? extends Naysayer.Node> make;
        private final OutputStream stdout;
        private final LinkedBlockingQueue<Optional<Map<String, Object>>> inbox = new LinkedBlockingQueue<>();

        RealTime(Supplier<? extends Naysayer.Node> make, OutputStream stdout) { this.make = make; this.stdout = stdout; }

        private void read() {
            try {
                Lines in = new Lines(new FileInputStream(FileDescriptor.in));
                while (in.next()) inbox.add(Optional.of(new Json(in.buffer, in.from, in.to).object()));
            } catch (IOException | RuntimeException error) {
                System.err.println("stdin: " + error);
            }
            inbox.add(Optional.empty());
        }

        @SuppressWarnings("unchecked")
        void run() throws Exception {
            Thread reader = new Thread(this::read);
            reader.setDaemon(true);
            reader.start();
            RealContext ctx = null;
            Naysayer.Node node = null;
            while (true) {
                Long due = ctx == null ? null : ctx.due();
                Optional<Map<String, Object>> input = due == null ? inbox.take() : inbox.poll(due, TimeUnit.NANOSECONDS);
                if (input != null && input.isEmpty()) return;
                if (ctx != null) ctx.now = System.currentTimeMillis() - Naysayer.EPOCH_MS;
                if (input == null) {
                    String timer = ctx.fired();
                    if (timer != null) node.onTimer(timer);
                } else {
                    Naysayer.Message message = message(input.get().get("src"), input.get().get("body"));
                    if ("init".equals(message.get("type"))) {
                        ctx = new RealContext(message.string("node_id"), (List<String>) message.get("node_ids"), stdout);
                        node = make.get();
                        node.ctx = ctx;
                        node.onStart();
                        ctx.reply(message, "init_ok");
                    } else node.onMessage(message);
                }
                if (ctx != null) ctx.out.flush(stdout);
            }
        }
    }

    private static final class RealContext extends Naysayer.Context {
        private final OutputStream stdout;
        private final Bytes out = new Bytes(4096);
        private final Map<String, Due> timers = new HashMap<>();
        private final PriorityQueue<Due> queue = new PriorityQueue<>(Comparator.comparingLong(Due::at));
        private final Path folder;

        private record Due(String name, long at) {}

        RealContext(String me, List<String> nodes, OutputStream stdout) throws IOException {
            super(me, nodes, System.nanoTime());
            this.stdout = stdout;
            this.now = System.currentTimeMillis() - Naysayer.EPOCH_MS;
            String data = System.getenv("NAYSAYER_DATA");
            folder = data == null ? null : Files.createDirectories(Path.of(data));
            if (folder == null) return;
            try (DirectoryStream<Path> all = Files.newDirectoryStream(folder, Files::isRegularFile)) {
                for (Path path : all) disk.files.put(path.getFileName().toString(), Bytes.of(Files.readAllBytes(path)));
            }
        }

        /** Nanoseconds until the next timer; null if none is set. */
        Long due() { return queue.isEmpty() ? null : Math.max(0, queue.peek().at - System.nanoTime()); }

        /** The timer that is due; null if it was moved or cancelled. */
        String fired() {
            Due due = queue.poll();
            return timers.remove(due.name, due) ? due.name : null;
        }

        @Override public void send(String to, Map<String, Object> body) {
            out.ascii("{\"src\":").string(me).ascii(",\"dest\":").string(to).ascii(",\"body\":");
            Json.write(out, body);
            out.ascii("}\n");
        }

        @Override public void timer(String name, double afterMs) {
            Due due = new Due(name, System.nanoTime() + (long) (afterMs * 1e6));
            timers.put(name, due);
            queue.add(due);
        }

        @Override public void cancel(String name) { timers.remove(name); }
        @Override public void log(String text) { System.err.println(text); }

        @Override void onDisk(String what, String name, String to, byte[] data, long size) {
            if (folder == null) return;
            try {
                out.flush(stdout); // what was sent before is sent before
                Path path = name == null ? folder : folder.resolve(name);
                switch (what) {
                    case "create" -> Files.write(path, new byte[0]);
                    case "append" -> Files.write(path, data, StandardOpenOption.APPEND);
                    case "truncate" -> { try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) { file.setLength(size); } }
                    case "rename" -> Files.move(path, folder.resolve(to), StandardCopyOption.ATOMIC_MOVE);
                    case "remove" -> Files.delete(path);
                    default -> { try (FileChannel file = what.equals("sync") ? FileChannel.open(path, StandardOpenOption.WRITE) : FileChannel.open(path)) { file.force(true); } }
                }
            } catch (IOException error) {
                throw new UncheckedIOException(error); // the node stops: after a failed write it is unknown what is durable
            }
        }
    }

    @SuppressWarnings("unchecked")
    static Naysayer.Message message(Object from, Object body) { return new Naysayer.Message((String) from, (Map<String, Object>) body); }

    /** The lines of a stream, each without its end in buffer[from, to). */
    private static final class Lines {
        private final InputStream in;
        private byte[] buffer = new byte[1 << 16];
        private int from, to = -1, end;

        Lines(InputStream in) { this.in = in; }

        boolean next() throws IOException {
            from = to + 1;
            for (int at = from; ; ) {
                for (; at < end; at++)
                    if (buffer[at] == '\n') { to = at; return true; }
                if (from > 0) {
                    System.arraycopy(buffer, from, buffer, 0, end - from);
                    at -= from; end -= from; from = 0;
                }
                if (end == buffer.length) buffer = Arrays.copyOf(buffer, 2 * end);
                int got = in.read(buffer, end, buffer.length - end);
                if (got < 0) return false;
                end += got;
            }
        }
    }

    /** Bytes that grow. */
    static final class Bytes {
        byte[] data;
        int size;

        Bytes(int room) { data = new byte[room]; }
        static Bytes of(byte[] data) { return new Bytes(data.length + 64).put(data, 0, data.length); }
        byte[] copy() { return Arrays.copyOf(data, size); }
        void flush(OutputStream to) throws IOException { to.write(data, 0, size); size = 0; }
        private void room(int more) { if (size + more > data.length) data = Arrays.copyOf(data, Math.max(2 * data.length, size + more)); }
        Bytes put(char c) { room(1); data[size++] = (byte) c; return this; }
        Bytes put(byte[] from, int at, int length) { room(length); System.arraycopy(from, at, data, size, length); size += length; return this; }
        Bytes ascii(String text) { room(text.length()); for (int i = 0; i < text.length(); i++) data[size++] = (byte) text.charAt(i); return this; }

        Bytes string(String text) {
            put('"');
            for (int i = 0; i < text.length(); i++) {
                char c = text.charAt(i);
                if (c == '"' || c == '\\') put('\\').put(c);
                else if (c < ' ' || c >= 127) ascii(String.format("\\u%04x", (int) c));
                else put(c);
            }
            return put('"');
        }
    }

    /** JSON: objects are LinkedHashMaps, integers Longs (BigIntegers where they are too large), other numbers Doubles. */
    static final class Json {
        private final byte[] text;
        private final int to;
        private int at;

        private Json(byte[] text, int from, int to) { this.text = text; this.at = from; this.to = to; }

        static byte[] write(Object value) {
            Bytes out = new Bytes(64);
            write(out, value);
            return out.copy();
        }

        static Object read(byte[] text) {
            Json json = new Json(text, 0, text.length);
            Object value = json.value();
            json.end();
            return value;
        }

        private static void write(Bytes out, Object value) {
            if (value == null) out.ascii("null");
            else if (value instanceof String string) out.string(string);
            else if (value instanceof Map<?, ?> map) object(out, map);
            else if (value instanceof Iterable<?> all) {
                char before = '[';
                for (Object one : all) { write(out.put(before), one); before = ','; }
                if (before == '[') out.put('[');
                out.put(']');
            } else if (value instanceof Double number) {
                if (number.isNaN() || number.isInfinite()) throw new IllegalArgumentException("JSON has no " + number);
                boolean whole = number == Math.rint(number) && Math.abs(number) < 1e15;
                out.ascii(whole ? Long.toString(number.longValue()) : number.toString());
            } else if (value instanceof Number || value instanceof Boolean) out.ascii(value.toString());
            else if (value instanceof Enum<?> one) out.string(one.name());
            else throw new IllegalArgumentException("not a JSON value: " + value + ", of " + value.getClass());
        }

        /** The order of some maps changes from process to process, or with their history: the wire has one order. */
        private static void object(Bytes out, Map<?, ?> map) {
            Collection<? extends Map.Entry<?, ?>> entries = map.entrySet();
            if (!(map instanceof LinkedHashMap || map instanceof SortedMap) && map.size() > 1) {
                List<Map.Entry<?, ?>> sorted = new ArrayList<>(entries);
                sorted.sort(Comparator.comparing(entry -> String.valueOf(entry.getKey())));
                entries = sorted;
            }
            char before = '{';
            for (Map.Entry<?, ?> entry : entries) {
                out.put(before).string(String.valueOf(entry.getKey())).put(':');
                write(out, entry.getValue());
                before = ',';
            }
            if (before == '{') out.put('{');
            out.put('}');
        }

        private Map<String, Object> object() {
            Map<String, Object> found = members();
            end();
            return found;
        }

        private void end() { blank(); if (at != to) throw bad("more than one value"); }
        private IllegalArgumentException bad(String what) { return new IllegalArgumentException("JSON: " + what + " at byte " + at); }
        private void blank() { while (at < to && text[at] <= ' ' && text[at] >= 0) at++; }
        private byte peek() { blank(); if (at >= to) throw bad("it ends too soon"); return text[at]; }
        private void expect(char c) { if (peek() != c) throw bad("no " + c); at++; }
        private Object word(String word, Object value) {
            if (to - at < word.length() || !new String(text, at, word.length(), StandardCharsets.ISO_8859_1).equals(word)) throw bad("no value");
            at += word.length();
            return value;
        }

        private Object value() {
            return switch (peek()) {
                case '{' -> members();
                case '[' -> items();
                case '"' -> string();
                case 't' -> word("true", true);
                case 'f' -> word("false", false);
                case 'n' -> word("null", null);
                default -> number();
            };
        }

        private Map<String, Object> members() {
            Map<String, Object> found = new LinkedHashMap<>();
            expect('{');
            if (peek() == '}') { at++; return found; }
            while (true) {
                String name = string();
                expect(':');
                found.put(name, value());
                if (peek() == '}') { at++; return found; }
                expect(',');
            }
        }

        private List<Object> items() {
            List<Object> found = new ArrayList<>();
            expect('[');
            if (peek() == ']') { at++; return found; }
            while (true) {
                found.add(value());
                if (peek() == ']') { at++; return found; }
                expect(',');
            }
        }

        private Object number() {
            int from = at;
            boolean whole = true;
            for (; at < to && "+-.eE0123456789".indexOf(text[at]) >= 0; at++) whole &= text[at] == '-' || text[at] >= '0' && text[at] <= '9';
            String digits = new String(text, from, at - from, StandardCharsets.ISO_8859_1);
            try {
                if (!whole) return Double.parseDouble(digits);
                return digits.length() < 19 ? (Object) Long.parseLong(digits) : shortest(new BigInteger(digits));
            } catch (NumberFormatException error) { throw bad("no value"); }
        }

        private static Object shortest(BigInteger number) { return number.bitLength() < 64 ? (Object) number.longValue() : number; }

        private String string() {
            expect('"');
            int from = at;
            while (at < to && text[at] != '"' && text[at] != '\\') at++;
            if (at < to && text[at] == '"') return new String(text, from, at++ - from, StandardCharsets.UTF_8);
            ByteArrayOutputStream raw = new ByteArrayOutputStream();
            StringBuilder whole = new StringBuilder();
            for (at = from; at < to; ) {
                byte c = text[at++];
                if (c != '"' && c != '\\') { raw.write(c); continue; }
                whole.append(raw.toString(StandardCharsets.UTF_8));
                raw.reset();
                if (c == '"') return whole.toString();
                if (at >= to) break;
                switch (c = text[at++]) {
                    case 'n' -> whole.append('\n');
                    case 't' -> whole.append('\t');
                    case 'r' -> whole.append('\r');
                    case 'b' -> whole.append('\b');
                    case 'f' -> whole.append('\f');
                    case 'u' -> { whole.append((char) Integer.parseInt(new String(text, at, 4, StandardCharsets.ISO_8859_1), 16)); at += 4; }
                    default -> whole.append((char) c);
                }
            }
            throw bad("a string without an end");
        }
    }
}

import com.tickloom.Process;
import com.tickloom.ProcessId;
import com.tickloom.ProcessParams;
import com.tickloom.future.ListenableFuture;
import com.tickloom.messaging.Message;
import com.tickloom.messaging.MessageBus;
import com.tickloom.messaging.MessageType;
import com.tickloom.network.JsonMessageCodec;
import com.tickloom.network.Network;
import com.tickloom.network.PeerType;
import com.tickloom.storage.Storage;
import com.tickloom.storage.WriteBatch;
import com.tickloom.util.IdGen;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;

/**
 * A process of TickLoom as a node in virtual time: its network, storage, clock and ids are the kit's, a tick is a timer.
 *
 * Futures of the storage are completed after the handler that asked for them has ended, never within the call. Whether a
 * write waits for the disk is up to the process (WriteOptions), as it is with TickLoom's own storage.
 */
public final class TickNode extends Naysayer.Node {
    /** Makes the process under test. */
    public interface Maker { Process make(List<ProcessId> peers, ProcessParams params); }

    static final double TICK_MS = 10;
    static final int TIMEOUT_TICKS = 20;
    private static final JsonMessageCodec CODEC = new JsonMessageCodec();

    private final Maker maker;
    private final Translator translator;
    private final Map<String, Naysayer.Message> asked = new HashMap<>();
    private Process process;
    private PipeNetwork network;
    private DiskStorage storage;

    public TickNode(Maker maker, Translator translator) {
        this.maker = maker;
        this.translator = translator;
    }

    @Override public void onStart() {
        network = new PipeNetwork();
        storage = new DiskStorage(ctx);
        List<ProcessId> peers = ctx.others().stream().map(ProcessId::of).toList();
        process = maker.make(peers, new ProcessParams(ProcessId.of(ctx.me), new MessageBus(network, CODEC), CODEC,
            TIMEOUT_TICKS, ctx::epochMillis, new IdGen(ctx.me, ctx.random), storage));
        storage.tick(); // what was asked for while it was made
        ctx.timer("tick", TICK_MS);
    }

    @Override public void onMessage(Naysayer.Message message) {
        ProcessId me = ProcessId.of(ctx.me), source = ProcessId.of(message.from());
        if (message.isRequest()) {
            Translator.Request request = translator.request(message);
            if (request == null) {
                super.onMessage(message);
                return;
            }
            String id = Long.toString(message.number("msg_id"));
            asked.put(id, message);
            network.deliver(new Message(source, me, PeerType.CLIENT, MessageType.of(request.type()), Naysayer.toJson(request.payload()), id));
        } else {
            network.deliver(new Message(source, me, PeerType.SERVER, MessageType.of(message.type()),
                Naysayer.toJson(message.get("payload")), message.string("id")));
        }
        storage.tick();
    }

    @Override public void onTimer(String name) {
        ctx.timer("tick", TICK_MS);
        process.tick();
        storage.tick();
    }

    private final class PipeNetwork extends Network {
        @Override public void tick() {}
        void deliver(Message message) { dispatchReceivedMessage(message); }

        @Override public void send(Message message) {
            String to = message.destination().name(), type = message.messageType().name();
            Object payload = Naysayer.fromJson(message.payload());
            if (ctx.nodes.contains(to)) {
                ctx.send(to, type, "id", message.correlationId(), "payload", payload);
                return;
            }
            Naysayer.Message request = asked.remove(message.correlationId());
            if (request == null) return; // a second answer
            @SuppressWarnings("unchecked")
            Map<String, Object> answer = translator.answer(request, (Map<String, Object>) payload);
            answer.put("in_reply_to", request.get("msg_id"));
            ctx.send(to, answer);
        }
    }

    /** A sorted map, rebuilt from a log of its changes. A batch is one record: a crash keeps all of it or nothing. */
    private static final class DiskStorage implements Storage {
        private final TreeMap<byte[], byte[]> map = new TreeMap<>(Arrays::compareUnsigned);
        private final ArrayDeque<Runnable> due = new ArrayDeque<>();
        private final Naysayer.Wal log;

        DiskStorage(Naysayer.Context ctx) {
            log = new Naysayer.Wal(ctx, "storage");
            for (byte[] record : log.recover()) replay(ByteBuffer.wrap(record));
        }

        private void replay(ByteBuffer in) {
            while (in.hasRemaining()) {
                byte[] key = new byte[in.getInt()];
                in.get(key);
                int size = in.getInt();
                if (size < 0) {
                    map.remove(key);
                    continue;
                }
                byte[] value = new byte[size];
                in.get(value);
                map.put(key, value);
            }
        }

        private static byte[] record(Map<byte[], byte[]> changes) {
            int size = changes.entrySet().stream().mapToInt(one -> 8 + one.getKey().length + (one.getValue() == null ? 0 : one.getValue().length)).sum();
            ByteBuffer out = ByteBuffer.allocate(size);
            changes.forEach((key, value) -> {
                out.putInt(key.length).put(key).putInt(value == null ? -1 : value.length);
                if (value != null) out.put(value);
            });
            return out.array();
        }

        private boolean write(Map<byte[], byte[]> changes, boolean sync) {
            byte[] record = record(changes);
            log.append(record);
            if (sync) log.sync();
            replay(ByteBuffer.wrap(record));
            return true;
        }

        private <T> ListenableFuture<T> later(Supplier<T> what) {
            ListenableFuture<T> future = new ListenableFuture<>();
            due.add(() -> future.complete(what.get()));
            return future;
        }

        @Override public ListenableFuture<byte[]> get(byte[] key) { return later(() -> map.get(key)); }
        @Override public ListenableFuture<Boolean> put(byte[] key, byte[] value) { return put(key, value, WriteOptions.DEFAULT); }
        @Override public ListenableFuture<Boolean> put(byte[] key, byte[] value, WriteOptions options) {
            return later(() -> write(Map.of(key, value), options.sync()));
        }
        @Override public ListenableFuture<Boolean> put(WriteBatch batch) { return put(batch, WriteOptions.DEFAULT); }
        @Override public ListenableFuture<Boolean> put(WriteBatch batch, WriteOptions options) {
            TreeMap<byte[], byte[]> changes = new TreeMap<>(Arrays::compareUnsigned);
            changes.putAll(batch.getOperations());
            return later(() -> write(changes, options.sync()));
        }
        @Override public ListenableFuture<Map<byte[], byte[]>> readRange(byte[] from, byte[] to) {
            return later(() -> new TreeMap<>(map.subMap(from, to)));
        }
        @Override public ListenableFuture<byte[]> lowerKey(byte[] prefix) {
            byte[] end = (new String(prefix, StandardCharsets.ISO_8859_1) + "\u00ff").getBytes(StandardCharsets.ISO_8859_1);
            return later(() -> map.lowerKey(end));
        }
        @Override public ListenableFuture<Void> sync() { return later(() -> { log.sync(); return null; }); }
        @Override public void tick() { while (!due.isEmpty()) due.poll().run(); }
    }
}

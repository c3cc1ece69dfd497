"""The adapter for TickLoom compiles with the kit, against an outline of what it uses of TickLoom (not part of this)."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.systems import needs, without

pytestmark = needs(without("javac"))

ROOT = Path(__file__).parents[2]

OUTLINE = {
    "Process": "public abstract class Process { public Process() {} public void tick() {} }",
    "ProcessId": "public record ProcessId(String name) {"
    " public static ProcessId of(String name) { return new ProcessId(name); } }",
    "ProcessParams": "import com.tickloom.messaging.*; import com.tickloom.network.*; import com.tickloom.storage.*;"
    " import com.tickloom.util.*; public record ProcessParams(ProcessId id, MessageBus bus, MessageCodec codec,"
    " int timeoutTicks, Clock clock, IdGen ids, Storage storage) {}",
    "future.ListenableFuture": "public class ListenableFuture<T> { public void complete(T value) {} }",
    "messaging.Message": "import com.tickloom.*; import com.tickloom.network.*; public record Message(ProcessId source,"
    " ProcessId destination, PeerType peerType, MessageType messageType, byte[] payload, String correlationId) {}",
    "messaging.MessageBus": "import com.tickloom.network.*;"
    " public class MessageBus { public MessageBus(Network network, MessageCodec codec) {} }",
    "messaging.MessageType": "public record MessageType(String name) {"
    " public static MessageType of(String name) { return new MessageType(name); } }",
    "network.MessageCodec": "public interface MessageCodec {}",
    "network.JsonMessageCodec": "public class JsonMessageCodec implements MessageCodec {}",
    "network.Network": "import com.tickloom.messaging.*; public abstract class Network { public abstract void tick();"
    " public abstract void send(Message message); protected void dispatchReceivedMessage(Message message) {} }",
    "network.PeerType": "public enum PeerType { CLIENT, SERVER }",
    "storage.Storage": "import com.tickloom.future.*; import java.util.*; public interface Storage {"
    " record WriteOptions(boolean sync) { public static final WriteOptions DEFAULT = new WriteOptions(false); }"
    " ListenableFuture<byte[]> get(byte[] key); ListenableFuture<Boolean> put(byte[] key, byte[] value);"
    " ListenableFuture<Boolean> put(byte[] key, byte[] value, WriteOptions options);"
    " ListenableFuture<Boolean> put(WriteBatch batch); ListenableFuture<Boolean> put(WriteBatch batch, WriteOptions o);"
    " ListenableFuture<Map<byte[], byte[]>> readRange(byte[] from, byte[] to);"
    " ListenableFuture<byte[]> lowerKey(byte[] prefix); ListenableFuture<Void> sync(); void tick(); }",
    "storage.WriteBatch": "import java.util.*; public interface WriteBatch { Map<byte[], byte[]> getOperations(); }",
    "util.Clock": "public interface Clock { long now(); }",
    "util.IdGen": "import java.util.*; public class IdGen { public IdGen(String prefix, Random random) {} }",
}
"""By class in com.tickloom: what the adapter knows of it."""


def test_the_adapter_compiles_with_the_kit(tmp_path: Path) -> None:
    for name, outline in OUTLINE.items():
        file = tmp_path / "com" / "tickloom" / f"{name.replace('.', '/')}.java"
        file.parent.mkdir(parents=True, exist_ok=True)
        package = f"com.tickloom.{name}".rpartition(".")[0]
        file.write_text(f"package {package};\n{outline}\n")
    sources = [*(ROOT / "examples" / "tickloom").glob("*.java"), *(ROOT / "targets/kits/java").glob("Naysayer*.java")]
    subprocess.run(["javac", "-sourcepath", tmp_path, "-d", tmp_path / "build", *sources], check=True, timeout=120)

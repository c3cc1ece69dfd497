import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;

/**
 * What a client asks for, as a server class of the workshop expects it, and its answer as clients expect it. Messages are
 * named and filled in as JSON, so that nothing of the workshop is needed to compile this.
 */
public interface Translator {
    record Request(String type, Map<String, Object> payload) {}

    /** The message for a request; null: the server has no such operation. */
    Request request(Naysayer.Message message);

    /** The answer to what a client asked, from the payload of the server's message. */
    Map<String, Object> answer(Naysayer.Message asked, Map<String, Object> payload);

    private static Map<String, Object> error(int code, String text) { return Naysayer.map("type", "error", "code", code, "text", text); }

    private static String text(Object value) { return value.toString(); }

    /** TickLoom's QuorumReplica and the workshop's QuorumKVReplica: bytes, in JSON as base64. */
    final class Quorum implements Translator {
        private static String bytes(Object value) { return Base64.getEncoder().encodeToString(text(value).getBytes(StandardCharsets.UTF_8)); }

        @Override public Request request(Naysayer.Message message) {
            String key = bytes(message.get("key"));
            return switch (message.type()) {
                case "read" -> new Request("CLIENT_GET_REQUEST", Naysayer.map("key", key));
                case "write" -> new Request("CLIENT_SET_REQUEST", Naysayer.map("key", key, "value", bytes(message.get("value"))));
                default -> null;
            };
        }

        @Override public Map<String, Object> answer(Naysayer.Message asked, Map<String, Object> payload) {
            if (asked.type().equals("write"))
                return payload.get("success").equals(true) ? Naysayer.map("type", "write_ok") : error(0, "not stored, or perhaps");
            // `found` is false for a missing key, and for a read that failed too: only the first would be an answer
            if (!payload.get("found").equals(true)) return error(0, "not found, or no quorum");
            String value = new String(Base64.getDecoder().decode((String) payload.get("value")), StandardCharsets.UTF_8);
            return Naysayer.map("type", "read_ok", "value", Naysayer.fromJson(value.getBytes(StandardCharsets.UTF_8)));
        }
    }

    /**
     * PaxosLogServer, MultiPaxosServer, MultiPaxosWithHeartbeatsServer and RaftServer: commands, and reads. Raft's reads
     * are answered from what the server holds, so that null is an answer; the others answer null where a read failed.
     */
    final class Commands implements Translator {
        private final boolean nullIsAnswer;

        Commands(boolean nullIsAnswer) { this.nullIsAnswer = nullIsAnswer; }

        @Override public Request request(Naysayer.Message message) {
            String key = text(message.get("key"));
            return switch (message.type()) {
                case "read" -> new Request("CLIENT_GET_REQUEST", Naysayer.map("key", key));
                case "write" -> new Request("CLIENT_EXECUTE_REQUEST",
                    Naysayer.map("operation", Naysayer.map("@type", "set", "key", key, "value", text(message.get("value")))));
                default -> null;
            };
        }

        @Override public Map<String, Object> answer(Naysayer.Message asked, Map<String, Object> payload) {
            if (asked.type().equals("write"))
                return payload.get("success").equals(true) ? Naysayer.map("type", "write_ok") : error(0, "not executed, or perhaps");
            Object value = payload.get("value");
            if (value == null) return error(nullIsAnswer ? 20 : 0, "not found, or the read failed");
            return Naysayer.map("type", "read_ok", "value", Long.parseLong((String) value));
        }
    }

    /** PaxosServer decides one command for ever, and has no reads: a lock that is never released. */
    final class OneDecision implements Translator {
        @Override public Request request(Naysayer.Message message) {
            if (!message.type().equals("acquire")) return null;
            return new Request("CLIENT_EXECUTE_REQUEST",
                Naysayer.map("operation", Naysayer.map("@type", "set", "key", "owner", "value", message.from())));
        }

        @Override public Map<String, Object> answer(Naysayer.Message asked, Map<String, Object> payload) {
            return payload.get("success").equals(true) ? Naysayer.map("type", "acquire_ok") : error(0, "not chosen, or perhaps");
        }
    }

    /** GenerationVotingServer. */
    final class Generations implements Translator {
        @Override public Request request(Naysayer.Message message) {
            return message.type().equals("next") ? new Request("NEXT_GENERATION_REQUEST", Map.of()) : null;
        }

        @Override public Map<String, Object> answer(Naysayer.Message asked, Map<String, Object> payload) {
            long generation = (Long) payload.get("generation");
            return generation > 0 ? Naysayer.map("type", "next_ok", "generation", generation) : error(0, "no generation");
        }
    }

    /** SingleServer and NaiveReplicationServer: a counter with reads. */
    final class Counter implements Translator {
        @Override public Request request(Naysayer.Message message) {
            return switch (message.type()) {
                case "read" -> new Request("GET_REQUEST", Naysayer.map("key", "counter"));
                case "add" -> new Request("INCREMENT_REQUEST", Naysayer.map("key", "counter", "delta", message.get("value")));
                default -> null;
            };
        }

        @Override public Map<String, Object> answer(Naysayer.Message asked, Map<String, Object> payload) {
            if (asked.type().equals("read")) return Naysayer.map("type", "read_ok", "value", payload.get("value"));
            return payload.get("success").equals(true) ? Naysayer.map("type", "add_ok") : error(0, "not added, or perhaps");
        }
    }

    /** TwoPhaseServer and ThreePhaseServer: a counter whose reads add nothing. */
    final class CounterByPhases implements Translator {
        @Override public Request request(Naysayer.Message message) {
            Object delta = switch (message.type()) {
                case "read" -> 0L;
                case "add" -> message.get("value");
                default -> null;
            };
            if (delta == null) return null;
            return new Request("CLIENT_EXECUTE_REQUEST",
                Naysayer.map("operation", Naysayer.map("@type", "increment", "key", "counter", "delta", delta)));
        }

        @Override public Map<String, Object> answer(Naysayer.Message asked, Map<String, Object> payload) {
            if (!payload.get("success").equals(true)) return error(0, "not executed, or perhaps");
            return Naysayer.map("type", asked.type() + "_ok", "value", payload.get("newValue"));
        }
    }
}

import com.tickloom.Process;
import com.tickloom.ProcessId;
import com.tickloom.ProcessParams;
import java.util.List;
import java.util.Random;

/** A server class of TickLoom or of the workshop as a host: java -cp ... TickHost CLASS, with its full name. */
public final class TickHost {
    public static void main(String[] args) throws ReflectiveOperationException {
        Class<? extends Process> server = Class.forName(args[0]).asSubclass(Process.class);
        Translator translator = translator(server.getSimpleName());
        Naysayer.run(() -> new TickNode((peers, params) -> make(server, peers, params), translator), args);
    }

    static Translator translator(String server) {
        return switch (server) {
            case "QuorumReplica", "QuorumKVReplica" -> new Translator.Quorum();
            case "RaftServer" -> new Translator.Commands(true);
            case "PaxosLogServer", "MultiPaxosServer", "MultiPaxosWithHeartbeatsServer" -> new Translator.Commands(false);
            case "PaxosServer" -> new Translator.OneDecision();
            case "GenerationVotingServer" -> new Translator.Generations();
            case "SingleServer", "NaiveReplicationServer" -> new Translator.Counter();
            case "TwoPhaseServer", "ThreePhaseServer" -> new Translator.CounterByPhases();
            default -> throw new IllegalArgumentException("no translator for " + server + ": add one to Translator.java");
        };
    }

    /** All constructors begin with peers and params; Raft's has an election timeout too, the workshop's quorum two options. */
    static Process make(Class<? extends Process> server, List<ProcessId> peers, ProcessParams params) {
        try {
            return switch (server.getSimpleName()) {
                case "RaftServer" -> server.getConstructor(List.class, ProcessParams.class, int.class)
                    .newInstance(peers, params, 30 + new Random(params.id().name().hashCode()).nextInt(30));
                case "QuorumKVReplica" -> server.getConstructor(List.class, ProcessParams.class, boolean.class, boolean.class)
                    .newInstance(peers, params, Boolean.getBoolean("repair"), Boolean.getBoolean("async"));
                default -> server.getConstructor(List.class, ProcessParams.class).newInstance(peers, params);
            };
        } catch (ReflectiveOperationException error) {
            throw new IllegalArgumentException(error);
        }
    }
}

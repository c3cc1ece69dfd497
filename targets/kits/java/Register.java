import java.util.HashMap;
import java.util.Map;

/** The ten-line node: a key-value store on one node. With --nodes 3 a hunt shows why that is not enough. */
public class Register extends Naysayer.Node {
    private final Map<Object, Object> values = new HashMap<>();

    @Override public void onMessage(Naysayer.Message message) {
        switch (message.type()) {
            case "read" -> ctx.reply(message, "read_ok", "value", values.get(message.get("key")));
            case "write" -> { values.put(message.get("key"), message.get("value")); ctx.reply(message, "write_ok"); }
            default -> super.onMessage(message);
        }
    }

    public static void main(String[] args) { Naysayer.run(Register::new, args); }
}

import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/** The node of the conformance suite: it does what it is told. {@code naysayer conform --host "java -cp build Conform"} */
public class Conform extends Naysayer.Node {
    private long steps;

    @Override public void onMessage(Naysayer.Message message) {
        if (!message.type().equals("conform")) {
            super.onMessage(message);
            return;
        }
        List<Object> saw = new ArrayList<>();
        for (Object step : message.list("steps")) {
            steps++;
            step((List<?>) step, saw);
        }
        ctx.reply(message, "conform_ok", "saw", saw);
    }

    @SuppressWarnings("unchecked")
    private void step(List<?> step, List<Object> saw) {
        Naysayer.Disk disk = ctx.disk;
        Object first = step.size() > 1 ? step.get(1) : null;
        String name = String.valueOf(first);
        switch ((String) step.get(0)) {
            case "send" -> ctx.send(name, (Map<String, Object>) step.get(2));
            case "send_changed" -> {
                List<Object> held = new ArrayList<>(List.of(1));
                Map<String, Object> body = new LinkedHashMap<>(Naysayer.map("type", "changed", "n", held));
                ctx.send(name, body);
                held.set(0, 2);
                ctx.send(name, body);
            }
            case "timer" -> ctx.timer(name, ((Number) step.get(2)).doubleValue());
            case "cancel" -> ctx.cancel(name);
            case "log" -> ctx.log(name);
            case "create" -> disk.create(name);
            case "append" -> disk.append(name, Base64.getDecoder().decode((String) step.get(2)));
            case "truncate" -> disk.truncate(name, (Long) step.get(2));
            case "sync" -> disk.sync(name);
            case "rename" -> disk.rename(name, (String) step.get(2));
            case "remove" -> disk.remove(name);
            case "sync_directory" -> disk.syncDirectory();
            case "read" -> saw.add(Base64.getEncoder().encodeToString(disk.read(name)));
            case "names" -> saw.add(disk.names());
            case "me" -> saw.add(ctx.me);
            case "now" -> saw.add(ctx.now());
            case "random" -> saw.add(ctx.random.nextDouble());
            case "draw" -> saw.add(Math.random() + " " + UUID.randomUUID());
            case "order" -> saw.add(List.copyOf(Set.of("a", "b", "c", "d", "e")));
            case "print" -> System.out.println(name);
            case "flood" -> System.err.println("x".repeat(((Long) first).intValue()));
            case "raise" -> throw new IllegalStateException(name);
            case "exit" -> System.exit(((Long) first).intValue());
            case "loop" -> { while (true) Thread.onSpinWait(); }
            default -> throw new IllegalArgumentException("no step " + step);
        }
    }

    @Override public void onTimer(String name) { ctx.log("timer " + name); }
    @Override public Map<String, Object> view() { return Map.of("steps", steps); }

    public static void main(String[] args) { Naysayer.run(Conform::new, args); }
}

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import java.util.Scanner;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One register for each key, in a map that is rebuilt from a write-ahead log: `java WalNode [unsynced]`. */
public final class WalNode {
    private static final Pattern FIELD = Pattern.compile("\"(\\w+)\":\\s*(\"[^\"]*\"|-?\\d+|null)");

    private final Map<String, String> values = new HashMap<>();
    private final boolean synced;
    private FileChannel log;

    private WalNode(boolean synced) {
        this.synced = synced;
    }

    private static Map<String, String> fields(String line) {
        Map<String, String> found = new HashMap<>();
        Matcher matcher = FIELD.matcher(line);
        while (matcher.find()) {
            found.put(matcher.group(1), matcher.group(2));
        }
        return found;
    }

    private void recover() throws IOException {
        Path folder = Path.of(System.getenv("NAYSAYER_DATA"));
        Path file = folder.resolve("wal");
        if (Files.exists(file)) {
            String text = Files.readString(file);
            text = text.substring(0, text.lastIndexOf('\n') + 1); // a torn record was not acknowledged
            text.lines().map(line -> line.split("=", 2)).forEach(record -> values.put(record[0], record[1]));
            Files.writeString(folder.resolve("wal.new"), text);
        } else {
            Files.createFile(folder.resolve("wal.new"));
        }
        try (FileChannel fresh = FileChannel.open(folder.resolve("wal.new"), StandardOpenOption.WRITE)) {
            fresh.force(true);
        }
        Files.move(folder.resolve("wal.new"), file, java.nio.file.StandardCopyOption.ATOMIC_MOVE);
        try (FileChannel directory = FileChannel.open(folder, StandardOpenOption.READ)) {
            directory.force(true);
        }
        log = FileChannel.open(file, StandardOpenOption.APPEND);
    }

    private String answer(Map<String, String> body) throws IOException {
        String key = body.get("key");
        switch (body.get("type")) {
            case "\"init\"":
                recover();
                return "\"type\":\"init_ok\"";
            case "\"read\"":
                return values.containsKey(key)
                        ? "\"type\":\"read_ok\",\"value\":" + values.get(key)
                        : "\"type\":\"error\",\"code\":20,\"text\":\"no such key\"";
            case "\"write\"":
                log.write(ByteBuffer.wrap((key + "=" + body.get("value") + "\n").getBytes()));
                if (synced) {
                    log.force(false);
                }
                values.put(key, body.get("value"));
                return "\"type\":\"write_ok\"";
            default:
                return "\"type\":\"error\",\"code\":10,\"text\":\"not supported\"";
        }
    }

    public static void main(String[] arguments) throws IOException {
        WalNode node = new WalNode(arguments.length == 0);
        Scanner lines = new Scanner(System.in);
        while (lines.hasNextLine()) {
            Map<String, String> fields = fields(lines.nextLine());
            String body = node.answer(fields) + ",\"in_reply_to\":" + fields.get("msg_id");
            System.out.println(
                    "{\"src\":" + fields.get("dest") + ",\"dest\":" + fields.get("src") + ",\"body\":{" + body + "}}");
        }
    }
}

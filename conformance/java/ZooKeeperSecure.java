import java.util.*;
import java.util.concurrent.*;
import org.apache.zookeeper.*;
import org.apache.zookeeper.data.*;

/**
 * Arguments: address, a name nobody else uses, and the identities that the client expects to have. TLS and SASL
 * come by system properties. Prints "passed" or dies with the reason.
 */
public class ZooKeeperSecure {
    public static void main(String[] arguments) throws Exception {
        var states = new LinkedBlockingQueue<Watcher.Event.KeeperState>();
        ZooKeeper client = new ZooKeeper(arguments[0], 10_000, event -> states.add(event.getState()));
        long deadline = System.nanoTime() + 90_000_000_000L;
        boolean sasl = System.getProperty("java.security.auth.login.config") != null;
        var wanted = sasl ? Watcher.Event.KeeperState.SaslAuthenticated : Watcher.Event.KeeperState.SyncConnected;
        for (Watcher.Event.KeeperState state = null; state != wanted; ) {
            state = states.poll(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
            if (state == null || state == Watcher.Event.KeeperState.AuthFailed) {
                System.out.println("not let in: " + state);
                System.exit(1);
            }
        }
        var identities = new TreeSet<String>();
        for (ClientInfo info : client.whoAmI()) {
            identities.add(info.getAuthScheme() + ":" + info.getUser());
        }
        for (String expected : Arrays.asList(arguments).subList(2, arguments.length)) {
            check(identities.contains(expected), identities + " has no " + expected);
        }
        String path = "/" + arguments[1];
        client.create(path, new byte[500_000], ZooDefs.Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT);
        check(client.getData(path, false, null).length == 500_000, "data");
        ACL acl = client.getACL(path, null).get(0);
        check(identities.contains(acl.getId().getScheme() + ":" + acl.getId().getId()), "acl " + acl);
        client.delete(path, -1);
        client.close();
        System.out.println("passed");
    }

    static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }
}

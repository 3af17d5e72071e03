import java.util.*;
import java.util.concurrent.*;
import org.apache.zookeeper.*;
import org.apache.zookeeper.data.Stat;

/** Arguments: address, a name nobody else uses. Prints "passed" or dies with the reason. */
public class ZooKeeperRoundTrip {
    public static void main(String[] arguments) throws Exception {
        String address = arguments[0];
        String root = "/" + arguments[1];
        ZooKeeper first = connect(address);
        first.create(root, "data".getBytes(), ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        Stat created = new Stat();
        first.create(root + "/two", new byte[0], ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT, created);
        check(created.getCzxid() == created.getMzxid(), "stat of create2");
        Stat stat = new Stat();
        check(new String(first.getData(root, false, stat)).equals("data"), "data");
        check(stat.getCversion() == 1 && stat.getNumChildren() == 1 && stat.getVersion() == 0, "stat " + stat);
        check(first.setData(root, "more".getBytes(), 0).getVersion() == 1, "version");
        expect(KeeperException.Code.BADVERSION, () -> first.setData(root, null, 0));
        expect(KeeperException.Code.NOTEMPTY, () -> first.delete(root, -1));
        expect(KeeperException.Code.NONODE, () -> first.getData(root + "/none", false, null));

        var events = new LinkedBlockingQueue<WatchedEvent>();
        first.getData(root, events::add, null);
        first.setData(root, "again".getBytes(), -1);
        WatchedEvent event = events.poll(10, TimeUnit.SECONDS);
        check(event != null && event.getType() == Watcher.Event.EventType.NodeDataChanged, "watch " + event);

        List<OpResult> results = first.multi(List.of(
            Op.create(root + "/multi", new byte[1], ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
            Op.setData(root + "/multi", new byte[2], 0),
            Op.check(root + "/multi", 1),
            Op.delete(root + "/multi", 1)));
        check(results.size() == 4, "multi");
        expect(KeeperException.Code.BADVERSION, () -> first.multi(List.of(
            Op.create(root + "/never", null, ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
            Op.check(root, 99))));
        check(first.exists(root + "/never", false) == null, "a failed multi leaves nothing");

        String sequential = first.create(root + "/s-", null, ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL_SEQUENTIAL);
        check(sequential.equals(root + "/s-0000000002"), sequential);
        check(first.getEphemerals().equals(List.of(sequential)), "ephemerals");

        // The same session on a second connection: what a client does after losing the first.
        var connected = new CountDownLatch(1);
        ZooKeeper second = new ZooKeeper(address, 10_000, watched -> {
            if (watched.getState() == Watcher.Event.KeeperState.SyncConnected) {
                connected.countDown();
            }
        }, first.getSessionId(), first.getSessionPasswd());
        check(connected.await(20, TimeUnit.SECONDS), "session re-attached");
        check(second.exists(sequential, false).getEphemeralOwner() == second.getSessionId(), "owner");
        second.close();
        first.close();

        ZooKeeper third = connect(address);
        check(third.exists(sequential, false) == null, "ephemerals end with their session");
        var persistent = new LinkedBlockingQueue<WatchedEvent>();
        third.addWatch(root, persistent::add, AddWatchMode.PERSISTENT_RECURSIVE);
        third.create(root + "/a", null, ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        third.create(root + "/a/b", null, ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        check((root + "/a").equals(persistent.poll(10, TimeUnit.SECONDS).getPath()), "recursive watch");
        check((root + "/a/b").equals(persistent.poll(10, TimeUnit.SECONDS).getPath()), "recursive watch again");
        ZKUtil.deleteRecursive(third, root);
        third.close();
        System.out.println("passed");
    }

    static ZooKeeper connect(String address) throws Exception {
        var connected = new CountDownLatch(1);
        ZooKeeper client = new ZooKeeper(address, 10_000, event -> {
            if (event.getState() == Watcher.Event.KeeperState.SyncConnected) {
                connected.countDown();
            }
        });
        check(connected.await(20, TimeUnit.SECONDS), "connected");
        return client;
    }

    interface Call {
        void run() throws Exception;
    }

    static void expect(KeeperException.Code code, Call call) throws Exception {
        try {
            call.run();
        } catch (KeeperException error) {
            check(error.code() == code, error.code() + " instead of " + code);
            return;
        }
        throw new AssertionError("no " + code);
    }

    static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }
}

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.apache.curator.RetryPolicy;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.atomic.AtomicValue;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.barriers.DistributedBarrier;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;
import org.apache.curator.framework.recipes.cache.ChildData;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderSelector;
import org.apache.curator.framework.recipes.leader.LeaderSelectorListenerAdapter;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.framework.recipes.nodes.GroupMember;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.recipes.queue.SimpleDistributedQueue;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.framework.recipes.watch.PersistentWatcher;
import org.apache.curator.retry.RetryNTimes;
import org.apache.curator.retry.RetryOneTime;
import org.apache.zookeeper.CreateMode;

/**
 * Curator's recipes with several clients each: java CuratorRecipes.java HOST:PORT ROOT. Prints "passed" at the end.
 * With a third argument, the number of rounds, only those whose promises outlive a lost connection, on servers that
 * are killed meanwhile.
 */
public class CuratorRecipes {
    interface Part { void run() throws Exception; }

    static final int CLIENTS = 4;
    static final long PATIENCE_S = 60;
    static String root;
    static final List<CuratorFramework> clients = new ArrayList<>();
    static final ExecutorService threads = Executors.newCachedThreadPool(task -> {
        Thread thread = new Thread(task);
        thread.setDaemon(true);
        return thread;
    });

    public static void main(String[] arguments) throws Exception {
        root = "/" + arguments[1];
        int rounds = arguments.length > 2 ? Integer.parseInt(arguments[2]) : 0;
        RetryPolicy retries = rounds > 0 ? new RetryNTimes(200, 200) : new RetryOneTime(500);
        for (int n = 0; n < CLIENTS; n++) {
            CuratorFramework client = CuratorFrameworkFactory.newClient(arguments[0], 30_000, 30_000, retries);
            client.start();
            check(client.blockUntilConnected((int) PATIENCE_S, TimeUnit.SECONDS), "connected");
            clients.add(client);
        }
        if (rounds > 0) {
            killed(rounds);
            for (CuratorFramework client : clients) client.close();
            System.out.println("passed");
            return;
        }
        part("leader latch", CuratorRecipes::leaderLatch);
        part("leader selector", CuratorRecipes::leaderSelector);
        part("mutex", CuratorRecipes::mutex);
        part("read-write lock", CuratorRecipes::readWriteLock);
        part("semaphore", CuratorRecipes::semaphore);
        part("barrier", CuratorRecipes::barrier);
        part("double barrier", CuratorRecipes::doubleBarrier);
        part("cache", CuratorRecipes::cache);
        part("shared count", CuratorRecipes::sharedCount);
        part("atomic long", CuratorRecipes::atomicLong);
        part("queue", CuratorRecipes::queue);
        part("group member", CuratorRecipes::groupMember);
        part("persistent node", CuratorRecipes::persistentNode);
        part("persistent watcher", CuratorRecipes::persistentWatcher);
        part("transaction", CuratorRecipes::transaction);
        part("containers and guaranteed deletes", CuratorRecipes::containers);
        for (CuratorFramework client : clients) client.close();
        System.out.println("passed");
    }

    static void killed(int rounds) throws Exception {
        String base = root;
        for (int round = 0; round < rounds; round++) {
            root = base + "-" + round;
            part("leader latch " + round, CuratorRecipes::leaderLatch);
            part("mutex " + round, CuratorRecipes::mutex);
            part("read-write lock " + round, CuratorRecipes::readWriteLock);
            part("semaphore " + round, CuratorRecipes::semaphore);
            part("group member " + round, CuratorRecipes::groupMember);
            part("persistent node " + round, CuratorRecipes::persistentNode);
            System.out.println("round " + round);
        }
    }

    static void leaderLatch() throws Exception {
        List<LeaderLatch> latches = new ArrayList<>();
        for (CuratorFramework client : clients) {
            LeaderLatch latch = new LeaderLatch(client, root + "/latch");
            latch.start();
            latches.add(latch);
        }
        for (int left = CLIENTS; left > 0; left--) {
            List<LeaderLatch> leading = new ArrayList<>();
            eventually("one leads", () -> {
                leading.clear();
                latches.stream().filter(LeaderLatch::hasLeadership).forEach(leading::add);
                return leading.size() == 1;
            });
            LeaderLatch leader = leading.get(0);
            leader.close();
            latches.remove(leader);
        }
    }

    static void leaderSelector() throws Exception {
        AtomicInteger leading = new AtomicInteger();
        CountDownLatch all = new CountDownLatch(CLIENTS);
        List<LeaderSelector> selectors = new ArrayList<>();
        for (CuratorFramework client : clients) {
            selectors.add(new LeaderSelector(client, root + "/selector", new LeaderSelectorListenerAdapter() {
                @Override public void takeLeadership(CuratorFramework framework) throws Exception {
                    check(leading.incrementAndGet() == 1, "only one leads");
                    Thread.sleep(20);
                    leading.decrementAndGet();
                    all.countDown();
                }
            }));
        }
        for (LeaderSelector selector : selectors) selector.start();
        check(all.await(PATIENCE_S, TimeUnit.SECONDS), "each leads once");
        for (LeaderSelector selector : selectors) selector.close();
    }

    static void mutex() throws Exception {
        AtomicInteger inside = new AtomicInteger();
        int[] counter = {0};
        together(client -> {
            InterProcessMutex mutex = new InterProcessMutex(client, root + "/mutex");
            for (int n = 0; n < 20; n++) {
                check(mutex.acquire(PATIENCE_S, TimeUnit.SECONDS), "the lock is got");
                check(inside.incrementAndGet() == 1, "only one is inside");
                mutex.acquire();
                counter[0]++;
                mutex.release();
                inside.decrementAndGet();
                mutex.release();
            }
        });
        check(counter[0] == 20 * CLIENTS, "nothing was lost: " + counter[0]);
    }

    static void readWriteLock() throws Exception {
        AtomicInteger readers = new AtomicInteger(), writers = new AtomicInteger();
        together(client -> {
            InterProcessReadWriteLock lock = new InterProcessReadWriteLock(client, root + "/rw");
            for (int n = 0; n < 8; n++) {
                lock.readLock().acquire();
                readers.incrementAndGet();
                check(writers.get() == 0, "nobody writes while one reads");
                readers.decrementAndGet();
                lock.readLock().release();
                lock.writeLock().acquire();
                check(writers.incrementAndGet() == 1 && readers.get() == 0, "a writer is alone");
                writers.decrementAndGet();
                lock.writeLock().release();
            }
        });
    }

    static void semaphore() throws Exception {
        AtomicInteger inside = new AtomicInteger();
        together(client -> {
            InterProcessSemaphoreV2 semaphore = new InterProcessSemaphoreV2(client, root + "/semaphore", 2);
            for (int n = 0; n < 8; n++) {
                Lease lease = semaphore.acquire(PATIENCE_S, TimeUnit.SECONDS);
                check(lease != null && inside.incrementAndGet() <= 2, "at most two are inside");
                inside.decrementAndGet();
                semaphore.returnLease(lease);
            }
        });
    }

    static void barrier() throws Exception {
        DistributedBarrier gate = new DistributedBarrier(clients.get(0), root + "/barrier");
        gate.setBarrier();
        AtomicInteger through = new AtomicInteger();
        Future<?> waiting = threads.submit(() -> {
            together(client -> {
                check(new DistributedBarrier(client, root + "/barrier").waitOnBarrier(PATIENCE_S, TimeUnit.SECONDS), "it opens");
                through.incrementAndGet();
            });
            return null;
        });
        Thread.sleep(200);
        check(through.get() == 0, "it holds");
        gate.removeBarrier();
        waiting.get(PATIENCE_S, TimeUnit.SECONDS);
        check(through.get() == CLIENTS, "all are through");
    }

    static void doubleBarrier() throws Exception {
        AtomicInteger entered = new AtomicInteger(), left = new AtomicInteger();
        together(client -> {
            for (int n = 1; n <= 3; n++) {
                // One path a round: who leaves and enters again at once can meet the mark of the round before.
                DistributedDoubleBarrier barrier = new DistributedDoubleBarrier(client, root + "/double" + n, CLIENTS);
                entered.incrementAndGet();
                check(barrier.enter(PATIENCE_S, TimeUnit.SECONDS), "all enter");
                check(entered.get() >= n * CLIENTS, "together");
                left.incrementAndGet();
                check(barrier.leave(PATIENCE_S, TimeUnit.SECONDS), "all leave");
                check(left.get() >= n * CLIENTS, "together");
            }
        });
    }

    static void cache() throws Exception {
        String path = root + "/cache";
        clients.get(0).create().creatingParentsIfNeeded().forPath(path, new byte[] {0});
        try (CuratorCache cache = CuratorCache.build(clients.get(1), path)) {
            CountDownLatch ready = new CountDownLatch(1);
            cache.listenable().addListener((type, before, after) -> { });
            cache.listenable().addListener(org.apache.curator.framework.recipes.cache.CuratorCacheListener.builder()
                .forInitialized(ready::countDown).build());
            cache.start();
            check(ready.await(PATIENCE_S, TimeUnit.SECONDS), "the cache is filled");
            for (int n = 0; n < 50; n++) {
                clients.get(0).create().creatingParentsIfNeeded().forPath(path + "/a" + n % 5 + "/b" + n, new byte[] {(byte) n});
            }
            for (int n = 0; n < 50; n += 2) clients.get(2).setData().forPath(path + "/a" + n % 5 + "/b" + n, new byte[] {1, 2, 3});
            for (int n = 0; n < 50; n += 5) clients.get(3).delete().forPath(path + "/a" + n % 5 + "/b" + n);
            eventually("the cache is the tree", () -> {
                int right = 0;
                for (int n = 0; n < 50; n++) {
                    ChildData data = cache.get(path + "/a" + n % 5 + "/b" + n).orElse(null);
                    int length = n % 5 == 0 ? -1 : n % 2 == 0 ? 3 : 1;
                    if ((data == null ? -1 : data.getData().length) == length) right++;
                }
                return right == 50 && cache.size() == 46;
            });
        }
    }

    static void sharedCount() throws Exception {
        SharedCount watched = new SharedCount(clients.get(0), root + "/count", 0);
        watched.start();
        together(client -> {
            SharedCount count = new SharedCount(client, root + "/count", 0);
            count.start();
            for (int n = 0; n < 10; n++) {
                while (!count.trySetCount(count.getVersionedValue(), count.getCount() + 1)) Thread.onSpinWait();
            }
            count.close();
        });
        eventually("everybody counted", () -> watched.getCount() == 10 * CLIENTS);
        watched.close();
    }

    static void atomicLong() throws Exception {
        together(client -> {
            DistributedAtomicLong number = new DistributedAtomicLong(client, root + "/long", new RetryOneTime(1));
            int done = 0;
            while (done < 10) {
                AtomicValue<Long> value = number.increment();
                if (value.succeeded()) done++;
            }
        });
        long sum = new DistributedAtomicLong(clients.get(0), root + "/long", new RetryOneTime(1)).get().postValue();
        check(sum == 10L * CLIENTS, "the sum is " + sum);
    }

    static void queue() throws Exception {
        ConcurrentLinkedQueue<String> taken = new ConcurrentLinkedQueue<>();
        SimpleDistributedQueue in = new SimpleDistributedQueue(clients.get(0), root + "/queue");
        Future<?> takers = threads.submit(() -> {
            together(client -> {
                SimpleDistributedQueue out = new SimpleDistributedQueue(client, root + "/queue");
                for (int n = 0; n < 10; n++) taken.add(new String(out.take()));
            });
            return null;
        });
        for (int n = 0; n < 10 * CLIENTS; n++) in.offer(("item-" + n).getBytes());
        takers.get(PATIENCE_S, TimeUnit.SECONDS);
        check(taken.stream().distinct().count() == 10 * CLIENTS, "each item is taken once");
    }

    static void groupMember() throws Exception {
        List<GroupMember> members = new ArrayList<>();
        for (int n = 0; n < CLIENTS; n++) {
            GroupMember member = new GroupMember(clients.get(n), root + "/group", "member-" + n);
            member.start();
            members.add(member);
        }
        eventually("all see all", () -> members.stream().allMatch(member -> member.getCurrentMembers().size() == CLIENTS));
        members.remove(0).close();
        eventually("and who left", () -> members.stream().allMatch(member -> member.getCurrentMembers().size() == CLIENTS - 1));
        for (GroupMember member : members) member.close();
    }

    static void persistentNode() throws Exception {
        PersistentNode node = new PersistentNode(clients.get(0), CreateMode.EPHEMERAL, false, root + "/node", new byte[] {7});
        node.start();
        check(node.waitForInitialCreate(PATIENCE_S, TimeUnit.SECONDS), "it is made");
        clients.get(1).delete().forPath(root + "/node");
        eventually("it comes back", () -> exists(root + "/node"));
        node.close();
        eventually("and goes", () -> !exists(root + "/node"));
    }

    static void persistentWatcher() throws Exception {
        clients.get(0).create().creatingParentsIfNeeded().forPath(root + "/watched");
        AtomicInteger events = new AtomicInteger();
        try (PersistentWatcher watcher = new PersistentWatcher(clients.get(1), root + "/watched", true)) {
            watcher.getListenable().addListener(event -> events.incrementAndGet());
            CountDownLatch set = new CountDownLatch(1);
            watcher.getResetListenable().addListener(set::countDown);
            watcher.start();
            check(set.await(PATIENCE_S, TimeUnit.SECONDS), "the watch is set");
            for (int n = 0; n < 20; n++) {
                clients.get(0).create().forPath(root + "/watched/" + n);
                clients.get(0).setData().forPath(root + "/watched/" + n, new byte[n]);
                clients.get(0).delete().forPath(root + "/watched/" + n);
            }
            eventually("it hears of everything", () -> events.get() == 60);
        }
    }

    static void transaction() throws Exception {
        CuratorFramework client = clients.get(0);
        var results = client.transaction().forOperations(
            client.transactionOp().create().forPath(root + "/t", new byte[] {1}),
            client.transactionOp().setData().withVersion(0).forPath(root + "/t", new byte[] {2}),
            client.transactionOp().check().withVersion(1).forPath(root + "/t"),
            client.transactionOp().create().withMode(CreateMode.EPHEMERAL_SEQUENTIAL).forPath(root + "/t-", new byte[] {3}));
        check(results.size() == 4 && results.get(3).getResultPath().startsWith(root + "/t-"), "it happens as a whole");
        try {
            client.transaction().forOperations(client.transactionOp().delete().forPath(root + "/t"),
                client.transactionOp().check().forPath(root + "/none"));
            check(false, "it cannot happen");
        } catch (org.apache.zookeeper.KeeperException.NoNodeException expected) {
            check(exists(root + "/t"), "or not at all");
        }
    }

    static void containers() throws Exception {
        CuratorFramework client = clients.get(0);
        client.createContainers(root + "/container/a");
        check(exists(root + "/container/a"), "containers are made");
        client.delete().guaranteed().deletingChildrenIfNeeded().forPath(root + "/container");
        check(!exists(root + "/container"), "and deleted with all below them");
    }

    static boolean exists(String path) {
        try {
            return clients.get(1).checkExists().forPath(path) != null;
        } catch (Exception exception) {
            throw new IllegalStateException(exception);
        }
    }

    interface WithClient { void run(CuratorFramework client) throws Exception; }

    /** The same by all clients at once. */
    static void together(WithClient part) throws Exception {
        List<Future<?>> running = new ArrayList<>();
        for (CuratorFramework client : clients) running.add(threads.submit(() -> { part.run(client); return null; }));
        for (Future<?> one : running) one.get(2 * PATIENCE_S, TimeUnit.SECONDS);
    }

    static void part(String name, Part part) throws Exception {
        try {
            part.run();
            System.out.println("ok " + name);
        } catch (Throwable failure) {
            System.out.println("failed " + name);
            throw failure;
        }
    }

    static void eventually(String what, BooleanSupplier holds) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
        while (!holds.getAsBoolean()) {
            check(System.nanoTime() < end, what);
            Thread.sleep(5);
        }
    }

    static void check(boolean holds, String what) {
        if (!holds) throw new AssertionError(what);
    }
}

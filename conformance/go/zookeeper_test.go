package conformance

import (
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
)

// go-zookeeper: the 44-byte handshake, ephemerals, watches, multi.
func TestGoZooKeeperMakesItsRoundTrip(t *testing.T) {
	servers, root := []string{address(t, "CASTLE_KEEPER")}, "/"+unique("go-zookeeper")
	first, _, err := zk.Connect(servers, 10*time.Second, zk.WithLogInfo(false))
	must(t, err)
	_, err = first.Create(root, []byte("data"), 0, zk.WorldACL(zk.PermAll))
	must(t, err)
	data, stat, changed, err := first.GetW(root)
	must(t, err)
	if string(data) != "data" || stat.Version != 0 {
		t.Fatalf("%s %+v", data, stat)
	}
	second, _, err := zk.Connect(servers, 10*time.Second, zk.WithLogInfo(false))
	must(t, err)
	_, err = second.Set(root, []byte("more"), 0)
	must(t, err)
	select {
	case event := <-changed:
		if event.Type != zk.EventNodeDataChanged || event.Path != root {
			t.Fatalf("%+v", event)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("no event")
	}
	ephemeral, err := second.CreateProtectedEphemeralSequential(root+"/lock-", nil, zk.WorldACL(zk.PermAll))
	must(t, err)
	exists, _, gone, err := first.ExistsW(ephemeral)
	must(t, err)
	if !exists {
		t.Fatal("the ephemeral is not there")
	}
	second.Close()
	select {
	case event := <-gone:
		if event.Type != zk.EventNodeDeleted {
			t.Fatalf("%+v", event)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the ephemeral outlived its session")
	}
	results, err := first.Multi(
		&zk.CreateRequest{Path: root + "/a", Data: []byte("1"), Acl: zk.WorldACL(zk.PermAll)},
		&zk.SetDataRequest{Path: root + "/a", Data: []byte("2"), Version: 0},
		&zk.DeleteRequest{Path: root + "/a", Version: 1})
	must(t, err)
	if len(results) != 3 {
		t.Fatalf("%+v", results)
	}
	_, err = first.Multi(&zk.CheckVersionRequest{Path: root, Version: 77})
	if err != zk.ErrBadVersion {
		t.Fatalf("%v instead of %v", err, zk.ErrBadVersion)
	}
	must(t, first.Delete(root, -1))
	first.Close()
}

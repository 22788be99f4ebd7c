package cluster

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/fauxkube/fauxkube/cluster/apiserver/storage"
	"github.com/fauxkube/fauxkube/cluster/etcd"
	"github.com/fauxkube/fauxkube/cluster/etcd/backup"
	"github.com/fauxkube/fauxkube/sim"
)

// Backup is the state of a cluster's store at one revision.
type Backup = backup.Backup

// WriteBackup writes a backup in the format of package backup, which it documents.
func WriteBackup(to io.Writer, b *Backup) error { return backup.Write(to, b, storage.Codec{}) }

// ReadBackup reads a backup. One that is damaged gives an error that wraps backup.ErrDamaged. What it returns is for one
// cluster: its objects are shared with the store.
func ReadBackup(from io.Reader) (*Backup, error) { return backup.Read(from, storage.Codec{}) }

// Contents counts what a backup holds.
type Contents struct {
	Keys      int
	Revisions int // of all keys, deletions included
	// Objects are those of the API, by kind, sorted by kind.
	Objects []KindCount
}

// KindCount is how many objects of a kind there are.
type KindCount struct {
	Kind  string
	Count int
}

// ContentsOf counts what a backup holds.
func ContentsOf(b *Backup) Contents {
	c := Contents{Revisions: len(b.Keys.Export())}
	counts := map[string]int{}
	for _, kv := range b.Keys.Living() {
		c.Keys++
		if _, r, _ := objectOf(kv); r != nil {
			counts[r.Kind]++
		}
	}
	for kind, n := range counts { //sim:unordered sorted below
		c.Objects = append(c.Objects, KindCount{kind, n})
	}
	slices.SortFunc(c.Objects, func(a, b KindCount) int { return cmp.Compare(a.Kind, b.Kind) })
	return c
}

// SaveStore fetches the state of the store from a member, as etcdctl snapshot save does; from the next one where a member
// does not answer. It takes as long as sending the database.
func (c *Cluster) SaveStore(t *sim.Task) (*Backup, error) {
	var err error
	for waited := time.Duration(0); waited < etcdctlPatience && t.Err() == nil; waited += etcdctlPause {
		var answer sim.Future[*Backup]
		c.etcdctl.Snapshot(func(b *Backup, err error) { answer.Set(b, err) })
		var b *Backup
		if b, err = answer.Await(t, sim.Forever); err == nil {
			return b, nil
		}
		t.Sleep(etcdctlPause)
	}
	return nil, fmt.Errorf("no member gives a snapshot: %w", err)
}

// RestoreStore puts a new store in the place of the present one, which begins with a backup. It does what Kubernetes'
// documentation asks of an operator: stop the API servers, restore every member from the same file, start the API
// servers, and have the schedulers and controller managers start anew. Kubelets and nodes go on.
func (c *Cluster) RestoreStore(t *sim.Task, b *Backup) error {
	for i := range c.members {
		if m := c.hosts[i]; !m.Up() {
			return fmt.Errorf("the member on %s cannot be restored: the machine is down", m.Name())
		}
	}
	others := slices.Concat(c.apiservers, c.schedulers, c.managers)
	for _, p := range slices.Concat(others, c.members) {
		p.Kill()
	}
	for i, s := range c.seats {
		c.wipe(i, s.peer.Name)
		c.running[i] = nil
	}
	if err := c.syncDisks(t); err != nil {
		return err
	}
	c.beginStore(b)
	for _, p := range slices.Concat(c.members, others) {
		p.Start()
	}
	return nil
}

// syncDisks makes the emptying of the members' disks durable.
func (c *Cluster) syncDisks(t *sim.Task) error {
	for i := range c.members {
		var done sim.Future[struct{}]
		c.hosts[i].Disk().SyncDirectory(func(err error) { done.Set(struct{}{}, err) })
		if _, err := done.Await(t, sim.Forever); err != nil {
			return fmt.Errorf("emptying the disk of %s: %w", c.hosts[i].Name(), err)
		}
	}
	return nil
}

// beginStore prepares the seats for members that begin with a backup, and a new history.
func (c *Cluster) beginStore(b *Backup) {
	c.restored = b
	peers := make([]etcd.Peer, len(c.seats))
	for i, s := range c.seats {
		peers[i] = s.peer
	}
	for _, s := range c.seats {
		s.initial, s.join, s.vacant = peers, false, false
	}
	//sim:allow truetime the observer notes when it was
	c.store.begin(etcd.NewCanonical(c.simulation), b, c.simulation.Now())
	c.store.canonical.OnViolation(c.found)
}

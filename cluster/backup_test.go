package cluster_test

import (
	"bytes"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/sim"
)

var backedUp = cluster.Topology{NodePools: []cluster.NodePool{{Name: "web", Count: 3}}, DetectMutations: true}

// patient is a cluster whose operator does one thing after the other.
type patient struct {
	*testing.T
	s *sim.Simulation
	c *cluster.Cluster
}

func newPatient(t *testing.T, topology cluster.Topology, c sim.Config) *patient {
	p := &patient{T: t, s: sim.New(c)}
	t.Cleanup(p.s.Close)
	var err error
	if p.c, err = cluster.New(p.s, topology); err != nil {
		t.Fatal(err)
	}
	return p
}

// do lets the operator do something, and the cluster a minute's work.
func (p *patient) do(fn func(t *sim.Task) error) {
	p.Helper()
	done := false
	p.c.Operator().Go("operator", func(t *sim.Task) {
		if err := fn(t); err != nil {
			p.Error(err)
		}
		done = true
	})
	p.run(time.Minute)
	if !done {
		p.Fatal("not done after a minute")
	}
}

func (p *patient) run(d time.Duration) {
	p.Helper()
	if err := p.s.Run(p.s.Now().Add(d)); err != nil {
		p.Fatal(err)
	}
}

func (p *patient) available(name string) int32 {
	o, ok := p.c.Store().Get(api.Deployments, "default/"+name)
	if !ok {
		return -1
	}
	return o.(*appsv1.Deployment).Status.AvailableReplicas
}

// saved is a cluster with the Deployment web, saved and read back from the bytes of the file; the cluster goes on.
func saved(t *testing.T) (*patient, []byte) {
	p := newPatient(t, backedUp, sim.Config{Seed: 1, NoWatchdog: true})
	p.run(time.Minute)
	p.do(func(t *sim.Task) error {
		_, err := client.Create(t, p.c.Kubectl(), api.Deployments, deployment("web", 4))
		return err
	})
	var file bytes.Buffer
	p.do(func(t *sim.Task) error {
		b, err := p.c.SaveStore(t)
		if err != nil {
			return err
		}
		return cluster.WriteBackup(&file, b)
	})
	return p, file.Bytes()
}

func read(t *testing.T, file []byte) *cluster.Backup {
	b, err := cluster.ReadBackup(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A new cluster that begins with a backup has its objects, works on with them, and takes new ones.
func TestNewClusterBeginsWithABackup(t *testing.T) {
	_, file := saved(t)
	topology := backedUp
	topology.Restore = read(t, file)
	p := newPatient(t, topology, sim.Config{Seed: 2, Start: topology.Restore.Taken.Time(), NoWatchdog: true})
	p.run(2 * time.Minute)
	if n := p.available("web"); n != 4 {
		t.Fatalf("%d replicas of web are available, want 4", n)
	}
	if p.c.Store().Revision() <= topology.Restore.Revision() {
		t.Fatalf("revision %d does not follow the backup's %d", p.c.Store().Revision(), topology.Restore.Revision())
	}
	p.do(func(t *sim.Task) error {
		_, err := client.Create(t, p.c.Kubectl(), api.Deployments, deployment("api", 2))
		return err
	})
	if n := p.available("api"); n != 2 {
		t.Fatalf("%d replicas of api are available, want 2", n)
	}
	for _, o := range p.c.Store().List(api.Nodes, "", nil) {
		if ready(o.(*corev1.Node)) != corev1.ConditionTrue {
			t.Errorf("node %s is not ready", o.GetName())
		}
	}
	p.c.CheckMutations()
}

// A store that is restored in place forgets what came after the backup, and the cluster comes to terms with that: with a
// bump of the revision, as Kubernetes' documentation recommends, within a minute.
func TestStoreIsRestoredInPlace(t *testing.T) {
	p, file := saved(t)
	p.do(func(t *sim.Task) error {
		_, err := client.Create(t, p.c.Kubectl(), api.Deployments, deployment("later", 2))
		return err
	})
	if n := p.available("later"); n != 2 {
		t.Fatalf("%d replicas of later are available, want 2", n)
	}
	b := read(t, file).Bump(1_000_000)
	p.do(func(t *sim.Task) error { return p.c.RestoreStore(t, b) })
	p.run(2 * time.Minute)
	if n := p.available("web"); n != 4 {
		t.Errorf("%d replicas of web are available, want 4", n)
	}
	if n := p.available("later"); n != -1 {
		t.Errorf("later is still there, with %d replicas", n)
	}
	if n := p.c.Store().Count(api.Pods); n != 4+11 {
		t.Errorf("%d pods, want web's 4 and the control plane's 11", n)
	}
	for _, o := range p.c.Store().List(api.Nodes, "", nil) {
		if ready(o.(*corev1.Node)) != corev1.ConditionTrue {
			t.Errorf("node %s is not ready", o.GetName())
		}
	}
	p.do(func(t *sim.Task) error {
		_, err := client.Create(t, p.c.Kubectl(), api.Deployments, deployment("api", 2))
		return err
	})
	if n := p.available("api"); n != 2 {
		t.Errorf("%d replicas of api are available, want 2", n)
	}
}

// Counting a backup finds what was in the cluster.
func TestContentsOfABackup(t *testing.T) {
	p, file := saved(t)
	contents := cluster.ContentsOf(read(t, file))
	for _, k := range contents.Objects {
		if k.Kind == "Deployment" && k.Count != 1 || k.Kind == "Node" && k.Count != 6 {
			t.Errorf("%d objects of kind %s", k.Count, k.Kind)
		}
	}
	if contents.Keys == 0 || contents.Keys > p.c.Store().Keys() || contents.Revisions < contents.Keys {
		t.Errorf("%d keys, %d revisions; the store has %d keys", contents.Keys, contents.Revisions, p.c.Store().Keys())
	}
}

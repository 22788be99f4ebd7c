package cluster_test

import (
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/witness"
	"github.com/fauxkube/fauxkube/sim"
)

func deployment(name string, replicas int32) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "nginx:1.25"}}},
			},
		},
	}
}

// atKubectl runs fn as a task of the operator's workstation, from now on.
func atKubectl(c *cluster.Cluster, fn func(t *sim.Task)) {
	c.Kubectl().Process().Go("operator", fn)
}

func TestDeploymentBecomesAvailable(t *testing.T) {
	for _, mode := range []sim.Mode{sim.Benchmark, sim.Hunt} {
		t.Run(mode.String(), func(t *testing.T) {
			s := sim.New(sim.Config{Seed: 1, Mode: mode})
			defer s.Close()
			c, err := cluster.New(s, cluster.Topology{
				NodePools: []cluster.NodePool{{Name: "web", Count: 3, Zones: []string{"a", "b", "c"}}}, DetectMutations: true,
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Run(sim.Time(time.Minute)); err != nil {
				t.Fatal(err)
			}
			for _, o := range c.Store().List(api.Nodes, "", nil) {
				node := o.(*corev1.Node)
				if ready(node) != corev1.ConditionTrue {
					t.Errorf("node %s is not ready after a minute: %+v", node.Name, node.Status.Conditions)
				}
			}
			if n := c.Store().Count(api.Nodes); n != 6 {
				t.Errorf("%d nodes, want 3 of the control plane and 3 of the pool", n)
			}
			atKubectl(c, func(task *sim.Task) {
				if _, err := client.Create(task, c.Kubectl(), api.Deployments, deployment("web", 4)); err != nil {
					t.Error(err)
				}
			})
			if err := s.Run(sim.Time(2 * time.Minute)); err != nil {
				t.Fatal(err)
			}
			o, ok := c.Store().Get(api.Deployments, "default/web")
			if !ok || o.(*appsv1.Deployment).Status.AvailableReplicas != 4 {
				t.Errorf("the Deployment is %+v", o)
			}
			c.CheckMutations()
			if testing.Verbose() {
				dump(c)
			}
		})
	}
}

func ready(n *corev1.Node) corev1.ConditionStatus {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status
		}
	}
	return corev1.ConditionUnknown
}

func dump(c *cluster.Cluster) {
	for _, o := range c.Store().List(api.Pods, "", nil) {
		p := o.(*corev1.Pod)
		fmt.Println("pod", api.KeyOf(p), p.Spec.NodeName, p.Status.Phase, p.Status.Conditions)
	}
	for _, o := range c.Store().List(api.Events, "", nil) {
		e := o.(*corev1.Event)
		fmt.Println("event", e.InvolvedObject.Kind, e.InvolvedObject.Name, e.Reason, e.Message, e.Source.Component, e.ReportingController)
	}
	fmt.Println("revision", c.Store().Revision(), "keys", c.Store().Keys(), "leader", c.EtcdLeader())
	for _, r := range c.Requests() {
		fmt.Println(r)
	}
}

// Watches are looked at on each of their three levels, and the histories reach back far enough for all lists.
func TestWatchesAreWatched(t *testing.T) {
	s := sim.New(sim.Config{Seed: 1})
	defer s.Close()
	c, err := cluster.New(s, cluster.Topology{NodePools: []cluster.NodePool{{Name: "web", Count: 3}}})
	if err != nil {
		t.Fatal(err)
	}
	atKubectl(c, func(task *sim.Task) {
		task.Sleep(time.Minute)
		if _, err := client.Create(task, c.Kubectl(), api.Deployments, deployment("web", 4)); err != nil {
			t.Error(err)
		}
	})
	if err := s.Run(sim.Time(3 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	for level, got := range c.Watched() {
		lists := int64(1) // A watch on the store begins with changes.
		if witness.Level(level) == witness.AtStore {
			lists = 0
		}
		if got.Streams < 10 || got.Events < 100 || got.Bookmarks == 0 || got.Lists < lists || got.Unchecked > 0 {
			t.Errorf("%v: %+v", witness.Level(level), got)
		}
	}
}

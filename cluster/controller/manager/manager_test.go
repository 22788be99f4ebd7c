package manager_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/sim"
)

func TestARolloutPausesResumesAndRollsBack(t *testing.T) {
	w := boot(t, one)
	w.create(deployment("web", 4))
	w.available("web")
	image := func(s string) func(*appsv1.Deployment) {
		return func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Image = s }
	}
	change := func(f func(*appsv1.Deployment)) { patch(w, api.Deployments, "default", "web", f) }

	change(image("nginx:1.26"))
	w.available("web")
	change(func(d *appsv1.Deployment) { d.Spec.Paused = true })
	change(image("nginx:1.27"))
	w.run(30 * time.Second)
	if n := len(list[*appsv1.ReplicaSet](w, api.ReplicaSets, "default")); n != 2 {
		t.Errorf("a paused Deployment has %d ReplicaSets, want the 2 it had", n)
	}
	change(func(d *appsv1.Deployment) { d.Spec.Paused = false })
	w.within(5*time.Minute, "the third image runs", func() bool {
		return len(list[*appsv1.ReplicaSet](w, api.ReplicaSets, "default")) == 3
	})
	w.available("web")
	change(image("nginx:1.25"))
	w.available("web")

	revisions := map[string]string{}
	for _, rs := range list[*appsv1.ReplicaSet](w, api.ReplicaSets, "default") {
		revisions[rs.Spec.Template.Spec.Containers[0].Image] = fmt.Sprintf("%s of %s, %d pods",
			rs.Annotations["deployment.kubernetes.io/revision"], rs.Annotations["deployment.kubernetes.io/revision-history"], *rs.Spec.Replicas)
	}
	for img, want := range map[string]string{"nginx:1.25": "4 of 1, 4 pods", "nginx:1.26": "2 of , 0 pods", "nginx:1.27": "3 of , 0 pods"} {
		if revisions[img] != want {
			t.Errorf("%s is revision %s, want %s", img, revisions[img], want)
		}
	}
	if !w.sees("deployment-controller", "ScalingReplicaSet", "from 0 to 4") {
		t.Errorf("no scaling Event:\n%s", w.events())
	}
}

func TestARefusedPodIsReportedUpToTheDeployment(t *testing.T) {
	w := boot(t, one)
	hard := corev1.ResourceList{corev1.ResourcePods: resource.MustParse("2")}
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "q"}, Spec: corev1.ResourceQuotaSpec{Hard: hard}}
	w.create(quota)
	// No controller here counts what a new quota finds.
	quota = api.Shallow(quota)
	quota.Status = corev1.ResourceQuotaStatus{Hard: hard, Used: corev1.ResourceList{corev1.ResourcePods: resource.MustParse("0")}}
	w.operate(func(t *sim.Task, kubectl *client.Client) error {
		_, err := client.UpdateStatus(t, kubectl, api.ResourceQuotas, quota)
		return err
	})
	w.create(deployment("web", 5))
	const refusal = "is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2"
	w.within(time.Minute, "the Deployment shows the failure", func() bool {
		for _, c := range get[*appsv1.Deployment](w, api.Deployments, "default/web").Status.Conditions {
			if c.Type == appsv1.DeploymentReplicaFailure {
				return c.Status == corev1.ConditionTrue && c.Reason == "FailedCreate" && strings.HasSuffix(c.Message, refusal)
			}
		}
		return false
	})
	if n := len(w.pods("default")); n != 2 || !w.sees("replicaset-controller", "FailedCreate", refusal) {
		t.Errorf("%d pods, want 2\n%s", n, w.events())
	}
	w.delete(api.ResourceQuotas, "default", "q", metav1.DeletePropagationBackground)
	w.available("web")
	for _, c := range get[*appsv1.Deployment](w, api.Deployments, "default/web").Status.Conditions {
		if c.Type == appsv1.DeploymentReplicaFailure {
			t.Error("the failure is over and still shown")
		}
	}
}

func TestRecreateTakesOldPodsDownFirst(t *testing.T) {
	w := boot(t, one)
	d := deployment("web", 3)
	d.Spec.Strategy.Type = appsv1.RecreateDeploymentStrategyType
	w.create(d)
	w.available("web")
	old := w.pods("default")
	mixed := false
	w.c.Store().OnCommit(func(cluster.Commit) {
		images := map[string]bool{}
		for _, p := range list[*corev1.Pod](w, api.Pods, "default") {
			if !api.IsPodTerminal(p) { // One that has ended may wait for its removal.
				images[p.Spec.Containers[0].Image] = true
			}
		}
		mixed = mixed || len(images) > 1
	})
	patch(w, api.Deployments, "default", "web", func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Image = "nginx:1.26" })
	w.available("web")
	if mixed {
		t.Error("pods of both templates existed at once")
	}
	if now := w.pods("default"); len(now) != 3 || slices.ContainsFunc(now, func(p string) bool { return slices.Contains(old, p) }) {
		t.Errorf("pods were %v, are %v", old, now)
	}
}

func TestADeadNodesPodsAreEvictedAndReplaced(t *testing.T) {
	w := boot(t, one)
	w.create(deployment("web", 6))
	w.available("web")
	victim := w.c.Nodes()[0]
	onVictim := 0
	for _, p := range list[*corev1.Pod](w, api.Pods, "default") {
		if p.Spec.NodeName == victim.Name {
			onVictim++
		}
	}
	victim.Crash()
	noticed := w.within(2*time.Minute, "the node is Unknown", func() bool {
		c := api.NodeCondition(get[*corev1.Node](w, api.Nodes, victim.Name), corev1.NodeReady)
		return c.Status == corev1.ConditionUnknown && c.Reason == "NodeStatusUnknown"
	})
	// The lease was renewed up to 10 s before, the grace period is 50 s, a look comes every 5 s.
	if noticed < 40*time.Second || noticed > 56*time.Second {
		t.Errorf("noticed after %v", noticed)
	}
	w.within(time.Second, "the node is tainted", func() bool { return len(get[*corev1.Node](w, api.Nodes, victim.Name).Spec.Taints) == 2 })
	w.within(10*time.Second, "its pods are not ready", func() bool {
		ready := 0
		for _, p := range list[*corev1.Pod](w, api.Pods, "default") {
			if p.Spec.NodeName == victim.Name && api.IsPodReady(p) {
				ready++
			}
		}
		return ready == 0
	})
	evicted := w.within(6*time.Minute, "its pods are evicted", func() bool {
		n := 0
		for _, p := range list[*corev1.Pod](w, api.Pods, "default") {
			c := api.PodCondition(p, corev1.DisruptionTarget)
			if p.Spec.NodeName == victim.Name && p.DeletionTimestamp != nil && c != nil && c.Reason == "DeletionByTaintManager" {
				n++
			}
		}
		return n == onVictim
	})
	if evicted < 295*time.Second || evicted > 302*time.Second {
		t.Errorf("evicted after %v, want the 300 s of admission's toleration", evicted)
	}
	w.within(2*time.Minute, "six pods run elsewhere", func() bool {
		return get[*appsv1.Deployment](w, api.Deployments, "default/web").Status.AvailableReplicas == 6
	})
	for _, e := range [][3]string{
		{"node-controller", "NodeNotReady", "Node " + victim.Name + " status is now: NodeNotReady"},
		{"node-controller", "NodeNotReady", "Node is not ready"},
		{"taint-eviction-controller", "TaintManagerEviction", "Marking for deletion Pod default/web-"},
	} {
		if !w.sees(e[0], e[1], e[2]) {
			t.Errorf("no Event %v:\n%s", e, w.events())
		}
	}
	victim.Boot()
	w.within(2*time.Minute, "the node is back without taints", func() bool {
		n := get[*corev1.Node](w, api.Nodes, victim.Name)
		return api.IsNodeReady(n) && len(n.Spec.Taints) == 0
	})
}

func TestNobodyIsEvictedWhileEveryNodeIsSilent(t *testing.T) {
	w := boot(t, one)
	w.create(deployment("web", 3))
	w.available("web")
	before := w.pods("default")
	for _, n := range w.c.Nodes() {
		n.Crash()
	}
	unknown := func() (n int) {
		for _, node := range list[*corev1.Node](w, api.Nodes, "") {
			if api.NodeCondition(node, corev1.NodeReady).Status == corev1.ConditionUnknown {
				n++
			}
		}
		return n
	}
	w.within(2*time.Minute, "all nodes are Unknown", func() bool { return unknown() == 3 })
	w.run(10 * time.Minute)
	for _, node := range list[*corev1.Node](w, api.Nodes, "") {
		for _, taint := range node.Spec.Taints {
			if taint.Effect == corev1.TaintEffectNoExecute {
				t.Errorf("%s has the taint %s", node.Name, taint.ToString())
			}
		}
	}
	if now := w.pods("default"); !slices.Equal(now, before) {
		t.Errorf("pods were %v, are %v", before, now)
	}
	for _, n := range w.c.Nodes() {
		n.Boot()
	}
	w.within(2*time.Minute, "all nodes are back without taints", func() bool {
		return !slices.ContainsFunc(list[*corev1.Node](w, api.Nodes, ""), func(n *corev1.Node) bool {
			return !api.IsNodeReady(n) || len(n.Spec.Taints) > 0
		})
	})
}

func TestPodsOfADeletedNodeAreCollected(t *testing.T) {
	w := boot(t, one)
	w.create(deployment("web", 3))
	w.available("web")
	victim := w.c.Nodes()[1]
	victim.Crash()
	w.delete(api.Nodes, "", victim.Name, metav1.DeletePropagationBackground)
	gone := w.within(2*time.Minute, "no pod is left on the node", func() bool {
		return !slices.ContainsFunc(list[*corev1.Pod](w, api.Pods, "default"), func(p *corev1.Pod) bool { return p.Spec.NodeName == victim.Name })
	})
	if gone < 40*time.Second || gone > 81*time.Second {
		t.Errorf("collected after %v, want 40 to 80 s", gone)
	}
	w.available("web")
	if !w.sees("node-controller", "RemovingNode", "Removing Node "+victim.Name+" from Controller") {
		t.Errorf("no Event:\n%s", w.events())
	}
}

func TestOwnersAndDependents(t *testing.T) {
	w := boot(t, one)
	for _, name := range []string{"background", "foreground", "orphan"} {
		w.create(deployment(name, 2))
		w.available(name)
	}
	count := func(app string) (replicaSets, pods int) {
		for _, rs := range list[*appsv1.ReplicaSet](w, api.ReplicaSets, "default") {
			if rs.Labels["app"] == app {
				replicaSets++
			}
		}
		for _, p := range list[*corev1.Pod](w, api.Pods, "default") {
			if p.Labels["app"] == app {
				pods++
			}
		}
		return replicaSets, pods
	}
	deployed := func(name string) bool { return get[*appsv1.Deployment](w, api.Deployments, "default/"+name) != nil }

	w.delete(api.Deployments, "default", "background", metav1.DeletePropagationBackground)
	if deployed("background") {
		t.Error("in the background the owner goes at once")
	}
	w.within(time.Minute, "its dependents go too", func() bool { rs, pods := count("background"); return rs == 0 && pods == 0 })

	w.delete(api.Deployments, "default", "foreground", metav1.DeletePropagationForeground)
	w.within(time.Minute, "the owner goes", func() bool { return !deployed("foreground") })
	if rs, pods := count("foreground"); rs != 0 || pods != 0 {
		t.Errorf("the owner went before %d ReplicaSets and %d pods", rs, pods)
	}

	w.delete(api.Deployments, "default", "orphan", metav1.DeletePropagationOrphan)
	w.within(time.Minute, "the owner goes", func() bool { return !deployed("orphan") })
	w.run(time.Minute)
	if rs, pods := count("orphan"); rs != 1 || pods != 2 {
		t.Errorf("%d ReplicaSets and %d pods are left, want 1 and 2", rs, pods)
	}
	// The same Deployment made anew takes them over.
	w.create(deployment("orphan", 2))
	w.available("orphan")
	if rs, pods := count("orphan"); rs != 1 || pods != 2 {
		t.Errorf("%d ReplicaSets and %d pods after adoption, want 1 and 2", rs, pods)
	}
}

func TestANamespaceComesWithItsObjectsAndGoesWithAll(t *testing.T) {
	w := boot(t, one)
	w.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "demo"}})
	w.within(5*time.Second, "service account and CA", func() bool {
		return get[*corev1.ServiceAccount](w, api.ServiceAccounts, "demo/default") != nil &&
			get[*corev1.ConfigMap](w, api.ConfigMaps, "demo/kube-root-ca.crt") != nil
	})
	w.delete(api.ServiceAccounts, "demo", "default", metav1.DeletePropagationBackground)
	w.within(5*time.Second, "a deleted service account is restored", func() bool {
		return get[*corev1.ServiceAccount](w, api.ServiceAccounts, "demo/default") != nil
	})
	d := deployment("web", 3)
	d.Namespace = "demo"
	w.create(d)
	w.within(time.Minute, "pods run", func() bool {
		return get[*appsv1.Deployment](w, api.Deployments, "demo/web").Status.AvailableReplicas == 3
	})
	w.delete(api.Namespaces, "", "demo", metav1.DeletePropagationBackground)
	w.within(2*time.Minute, "the namespace is gone", func() bool { return get[*corev1.Namespace](w, api.Namespaces, "demo") == nil })
	for _, r := range api.Resources() {
		if left := w.c.Store().List(r, "demo", nil); r.Namespaced && len(left) > 0 {
			t.Errorf("%d %s are left", len(left), r)
		}
	}
}

func TestServicesListTheirPods(t *testing.T) {
	w := boot(t, one)
	w.create(&corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": "web"},
			Ports:    []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromString("http"), Protocol: corev1.ProtocolTCP}},
		},
	})
	slice := func() *discoveryv1.EndpointSlice {
		for _, s := range list[*discoveryv1.EndpointSlice](w, api.EndpointSlices, "default") {
			if s.Labels[discoveryv1.LabelServiceName] == "web" {
				return s
			}
		}
		return nil
	}
	w.within(10*time.Second, "an empty slice", func() bool { return slice() != nil })
	w.create(deployment("web", 3))
	w.available("web")
	w.within(10*time.Second, "three ready endpoints", func() bool {
		s := slice()
		return len(s.Endpoints) == 3 && !slices.ContainsFunc(s.Endpoints, func(e discoveryv1.Endpoint) bool { return !*e.Conditions.Ready })
	})
	s := slice()
	if *s.Ports[0].Port != 80 || s.AddressType != discoveryv1.AddressTypeIPv4 || *s.Endpoints[0].NodeName == "" || s.OwnerReferences[0].Name != "web" {
		t.Errorf("got %+v", s)
	}
	w.within(10*time.Second, "Endpoints agree", func() bool {
		e := get[*corev1.Endpoints](w, api.Endpoints, "default/web")
		return len(e.Subsets) == 1 && len(e.Subsets[0].Addresses) == 3
	})
	w.delete(api.Services, "default", "web", metav1.DeletePropagationBackground)
	w.within(time.Minute, "slice and Endpoints go with the Service", func() bool {
		return slice() == nil && get[*corev1.Endpoints](w, api.Endpoints, "default/web") == nil
	})
}

func TestABudgetCountsWhatMayGo(t *testing.T) {
	w := boot(t, one)
	w.create(deployment("web", 3))
	w.available("web")
	atMost := intstr.FromInt32(1)
	w.create(&policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"},
		Spec: policyv1.PodDisruptionBudgetSpec{
			MaxUnavailable: &atMost, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
		},
	})
	w.within(10*time.Second, "one pod may go", func() bool {
		s := get[*policyv1.PodDisruptionBudget](w, api.PodDisruptionBudgets, "default/web").Status
		return s.DisruptionsAllowed == 1 && s.CurrentHealthy == 3 && s.DesiredHealthy == 2 && s.ExpectedPods == 3 &&
			len(s.Conditions) == 1 && s.Conditions[0].Reason == policyv1.SufficientPodsReason
	})
	w.delete(api.Pods, "default", w.pods("default")[0], metav1.DeletePropagationBackground)
	w.within(10*time.Second, "none may go while one is missing", func() bool {
		return get[*policyv1.PodDisruptionBudget](w, api.PodDisruptionBudgets, "default/web").Status.DisruptionsAllowed == 0
	})
}

func TestNodesGetRangesOfTheirOwn(t *testing.T) {
	w := boot(t, one)
	seen := map[string]bool{}
	for _, n := range list[*corev1.Node](w, api.Nodes, "") {
		if n.Spec.PodCIDR == "" || seen[n.Spec.PodCIDR] || n.Labels["beta.kubernetes.io/os"] != n.Labels[corev1.LabelOSStable] {
			t.Errorf("node %s has %q, labels %v", n.Name, n.Spec.PodCIDR, n.Labels)
		}
		seen[n.Spec.PodCIDR] = true
	}
}

func TestAnotherManagerTakesOver(t *testing.T) {
	w := boot(t, cluster.ControlPlane{APIServers: 2, EtcdMembers: 3})
	w.create(deployment("web", 2))
	w.available("web")
	holder := func() string {
		return *get[*coordinationv1.Lease](w, api.Leases, "kube-system/kube-controller-manager").Spec.HolderIdentity
	}
	before := holder()
	for _, p := range w.c.ControllerManagerProcesses() {
		if before[:len("cp-0")] == p.Machine().Name() {
			p.Restart(time.Minute)
		}
	}
	patch(w, api.Deployments, "default", "web", func(d *appsv1.Deployment) { d.Spec.Replicas = api.Ptr(int32(5)) })
	took := w.within(time.Minute, "five pods", func() bool {
		return get[*appsv1.Deployment](w, api.Deployments, "default/web").Status.AvailableReplicas == 5
	})
	if holder() == before || took < 10*time.Second {
		t.Errorf("%s held the lease, %s holds it after %v", before, holder(), took)
	}
}

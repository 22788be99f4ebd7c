package registry

import (
	"fmt"
	"slices"
	"testing"

	"github.com/fauxkube/fauxkube/cluster/api"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// withTokenOf gives a pod that a user wrote what the server had added to the stored one.
func withTokenOf(t *testing.T, obj, old api.Object) api.Object {
	t.Helper()
	pod, stored := obj.(*corev1.Pod), old.(*corev1.Pod).DeepCopy()
	added := pod.Spec.Containers
	pod.Spec = stored.Spec
	pod.Spec.Containers[0].Command = added[0].Command
	if len(added) > 1 {
		pod.Spec.Containers = append(pod.Spec.Containers, added[1:]...)
	}
	return pod
}

func seconds(n int64) *metav1.DeleteOptions { return &metav1.DeleteOptions{GracePeriodSeconds: &n} }

// TestDeleteCombinesGraceAndFinalizers is the table of what a delete does to an object.
func TestDeleteCombinesGraceAndFinalizers(t *testing.T) {
	scheduled := func(p *corev1.Pod) { p.Spec.NodeName = "n" }
	marked := func(grace int64) func(p *corev1.Pod) {
		return func(p *corev1.Pod) {
			scheduled(p)
			at := api.Time(epoch.Add(30e9))
			p.DeletionTimestamp, p.DeletionGracePeriodSeconds = &at, &grace
		}
	}
	held := func(p *corev1.Pod) { p.Finalizers = []string{"example.com/hold"} }
	foreground, orphan := metav1.DeletePropagationForeground, metav1.DeletePropagationOrphan
	for _, c := range []struct {
		name   string
		change []func(*corev1.Pod)
		opts   *metav1.DeleteOptions
		want   string // action, grace, finalizers
	}{
		{"unscheduled goes at once", nil, nil, "remove after write 0 []"},
		{"scheduled gets its grace period", []func(*corev1.Pod){scheduled}, nil, "write 30 []"},
		{"a request may shorten it", []func(*corev1.Pod){scheduled}, seconds(5), "write 5 []"},
		{"zero means now", []func(*corev1.Pod){scheduled}, seconds(0), "remove after write 0 []"},
		{"negative is one second", []func(*corev1.Pod){scheduled}, seconds(-3), "write 1 []"},
		{"ended pods go at once", []func(*corev1.Pod){scheduled, func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }}, nil, "remove after write 0 []"},
		{"a second delete changes nothing", []func(*corev1.Pod){marked(30)}, nil, "nothing 30 []"},
		{"nor does a longer one", []func(*corev1.Pod){marked(30)}, seconds(60), "nothing 30 []"},
		{"a shorter one does", []func(*corev1.Pod){marked(30)}, seconds(10), "write 10 []"},
		{"the kubelet's last one removes", []func(*corev1.Pod){marked(30)}, seconds(0), "remove after write 0 []"},
		{"what was left over is removed", []func(*corev1.Pod){marked(0)}, seconds(0), "remove 0 []"},
		{"a finalizer keeps it", []func(*corev1.Pod){held}, nil, "write 0 [example.com/hold]"},
		{"foreground adds a finalizer", []func(*corev1.Pod){scheduled}, &metav1.DeleteOptions{PropagationPolicy: &foreground}, "write 30 [foregroundDeletion]"},
		{"orphan adds another", nil, &metav1.DeleteOptions{PropagationPolicy: &orphan}, "write 0 [orphan]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := demo()
			obj, err := createYAML(t, w, podManifest)
			must(t, err)
			pod := obj.(*corev1.Pod)
			for _, change := range c.change {
				change(pod)
			}
			out, err := For(api.Pods).Delete(w.context(), pod, c.opts)
			must(t, err)
			m := api.Meta(out.Object)
			action := map[Action]string{Nothing: "nothing", Write: "write", Remove: "remove", WriteThenRemove: "remove after write"}[out.Action]
			if got := fmt.Sprint(action, " ", api.Deref(m.DeletionGracePeriodSeconds, -1), " ", orEmpty(m.Finalizers)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func TestLastFinalizerRemovesTheObject(t *testing.T) {
	w := demo()
	obj, err := createYAML(t, w, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, finalizers: [example.com/hold]}\n")
	must(t, err)
	e := For(api.ConfigMaps)
	out, err := e.Delete(w.context(), obj, nil)
	must(t, err)
	if out.Action != Write {
		t.Fatalf("delete with a finalizer: action %v", out.Action)
	}
	freed := api.ShallowCopy(out.Object)
	api.Meta(freed).Finalizers = nil
	last, err := e.Update(w.context(), "", out.Object, freed)
	must(t, err)
	if last.Action != Remove {
		t.Errorf("update without finalizers: action %v", last.Action)
	}
	added := api.ShallowCopy(out.Object)
	api.Meta(added).Finalizers = []string{"example.com/hold", "example.com/more"}
	if _, err := e.Update(w.context(), "", out.Object, added); err == nil {
		t.Error("a finalizer was added to an object being deleted")
	}
}

func TestNamespaceGoesWithItsLastSpecFinalizer(t *testing.T) {
	w := newWorld()
	obj, err := createYAML(t, w, "apiVersion: v1\nkind: Namespace\nmetadata: {name: short}\n")
	must(t, err)
	ns := obj.(*corev1.Namespace)
	if ns.Labels["kubernetes.io/metadata.name"] != "short" || !slices.Equal(ns.Spec.Finalizers, []corev1.FinalizerName{"kubernetes"}) {
		t.Fatalf("labels %v, finalizers %v", ns.Labels, ns.Spec.Finalizers)
	}
	out, err := For(api.Namespaces).Delete(w.context(), ns, nil)
	must(t, err)
	terminating := out.Object.(*corev1.Namespace)
	if terminating.Status.Phase != corev1.NamespaceTerminating {
		t.Fatalf("phase %s", terminating.Status.Phase)
	}
	free := api.Shallow(terminating)
	free.Spec.Finalizers = nil
	if plain, err := For(api.Namespaces).Update(w.context(), "", terminating, free); err != nil || plain.Action != Nothing {
		t.Errorf("a plain update changed spec.finalizers: %v, %v", plain.Action, err)
	}
	last, err := For(api.Namespaces).Update(w.context(), "finalize", terminating, free)
	must(t, err)
	if last.Action != Remove {
		t.Errorf("finalize: action %v", last.Action)
	}
	_, err = For(api.Namespaces).Delete(w.context(), &corev1.Namespace{ObjectMeta: named("", "kube-system")}, nil)
	if !apierrors.IsForbidden(err) {
		t.Errorf("kube-system: %v", err)
	}
}

func TestStatusAndSpecAreWrittenApart(t *testing.T) {
	w := demo()
	obj, err := createYAML(t, w, deploymentManifest)
	must(t, err)
	old := obj.(*appsv1.Deployment)
	changed := old.DeepCopy()
	changed.Spec.Replicas = api.Ptr(int32(9))
	changed.Status.ObservedGeneration = 1
	changed.Annotations = map[string]string{"deployment.kubernetes.io/revision": "1"}
	out, err := For(api.Deployments).Update(w.context(), "status", old, changed)
	must(t, err)
	d := out.Object.(*appsv1.Deployment)
	if *d.Spec.Replicas != 2 || d.Status.ObservedGeneration != 1 || d.Generation != 1 || len(d.Annotations) != 1 {
		t.Errorf("status update: replicas %d, observed %d, generation %d, annotations %v", *d.Spec.Replicas, d.Status.ObservedGeneration, d.Generation, d.Annotations)
	}
	out, err = For(api.Deployments).Update(w.context(), "", old, changed)
	must(t, err)
	d = out.Object.(*appsv1.Deployment)
	if *d.Spec.Replicas != 9 || d.Status.ObservedGeneration != 0 || d.Generation != 2 {
		t.Errorf("update: replicas %d, observed %d, generation %d", *d.Spec.Replicas, d.Status.ObservedGeneration, d.Generation)
	}
	out, err = For(api.Deployments).Update(w.context(), "", old, old)
	must(t, err)
	if out.Action != Nothing {
		t.Errorf("an update without change: action %v", out.Action)
	}
}

func TestScaleChangesOnlyReplicas(t *testing.T) {
	w := demo()
	old, err := createYAML(t, w, deploymentManifest)
	must(t, err)
	e := For(api.Deployments)
	scale, err := e.GetScale(old)
	must(t, err)
	if scale.Spec.Replicas != 2 || scale.Status.Selector != "app=d" {
		t.Fatalf("scale %+v", scale)
	}
	scale.Spec.Replicas = 5
	out, err := e.UpdateScale(w.context(), old, scale)
	must(t, err)
	if d := out.Object.(*appsv1.Deployment); *d.Spec.Replicas != 5 || d.Generation != 2 || *old.(*appsv1.Deployment).Spec.Replicas != 2 {
		t.Errorf("replicas %d, generation %d", *d.Spec.Replicas, d.Generation)
	}
	if out.Response.(*autoscalingv1.Scale).Spec.Replicas != 5 {
		t.Errorf("response %+v", out.Response)
	}
	scale.Spec.Replicas = -1
	if _, err = e.UpdateScale(w.context(), old, scale); err == nil || err.Error() != `Scale.autoscaling "d" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0` {
		t.Errorf("negative: %v", err)
	}
}

func TestBindingHappensOnce(t *testing.T) {
	w := demo()
	old, err := createYAML(t, w, podManifest)
	must(t, err)
	b := &corev1.Binding{Target: corev1.ObjectReference{Kind: "Node", Name: "n"}}
	b.Name = "p"
	node := &corev1.Node{ObjectMeta: named("", "n")}
	node.Labels = map[string]string{corev1.LabelTopologyZone: "z", corev1.LabelHostname: "n"}
	w.add(node)
	out, err := Bind(w.context(), old, b)
	must(t, err)
	pod := out.Object.(*corev1.Pod)
	if pod.Spec.NodeName != "n" || pod.Generation != 1 || pod.Labels[corev1.LabelTopologyZone] != "z" || pod.Labels[corev1.LabelHostname] != "" || !out.Bare {
		t.Errorf("bound pod: %s, generation %d, labels %v", pod.Spec.NodeName, pod.Generation, pod.Labels)
	}
	_, err = Bind(w.context(), pod, b)
	want := `Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "n"`
	if !apierrors.IsConflict(err) || err.Error() != want {
		t.Errorf("second binding: %v", err)
	}
}

// budget covers the pod of podManifest.
func budget(allowed int32) *policyv1.PodDisruptionBudget {
	min := intstr.FromInt32(3)
	return &policyv1.PodDisruptionBudget{
		ObjectMeta: named("demo", "web"),
		Spec:       policyv1.PodDisruptionBudgetSpec{MinAvailable: &min, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}},
		Status:     policyv1.PodDisruptionBudgetStatus{DisruptionsAllowed: allowed, CurrentHealthy: 3 + allowed, DesiredHealthy: 3, ExpectedPods: 4},
	}
}

func runningPod(t *testing.T, w *world) *corev1.Pod {
	t.Helper()
	obj, err := createYAML(t, w, podManifest)
	must(t, err)
	pod := obj.(*corev1.Pod)
	pod.Labels = map[string]string{"app": "web"}
	pod.Spec.NodeName, pod.Status.Phase = "n", corev1.PodRunning
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	return pod
}

func TestEvictionCountsAgainstTheBudget(t *testing.T) {
	w := demo()
	pod := runningPod(t, w)
	w.add(budget(1))
	out, err := Evict(w.context(), pod, &policyv1.Eviction{})
	must(t, err)
	if out.Action != Write || len(out.Before) != 1 || !out.Bare {
		t.Fatalf("action %v, before %v", out.Action, out.Before)
	}
	marked := out.Object.(*corev1.Pod)
	if last := marked.Status.Conditions[len(marked.Status.Conditions)-1]; out.Then == nil || marked.DeletionTimestamp != nil ||
		last.Type != corev1.DisruptionTarget || last.Reason != "EvictionByEvictionAPI" || last.Message != "Eviction API: evicting" {
		t.Errorf("first the pod is written as %+v, then deleted with %v", marked.Status.Conditions, out.Then)
	}
	if again, err := Evict(w.context(), marked, &policyv1.Eviction{}); err != nil || again.Then != nil || again.Object.GetDeletionTimestamp() == nil {
		t.Errorf("a pod that has the condition: %+v, %v; want it deleted at once", again.Object, err)
	}
	b := out.Before[0].New.(*policyv1.PodDisruptionBudget)
	if b.Status.DisruptionsAllowed != 0 || b.Status.DisruptedPods["p"] != api.Time(epoch) || b.Status.Conditions[0].Reason != "InsufficientPods" {
		t.Errorf("budget status %+v", b.Status)
	}
	w.add(b)
	_, err = Evict(w.context(), pod, &policyv1.Eviction{})
	if !apierrors.IsTooManyRequests(err) || err.Error() != "Cannot evict pod as it would violate the pod's disruption budget." ||
		!apierrors.HasStatusCause(err, policyv1.DisruptionBudgetCause) {
		t.Fatalf("second eviction: %v", err)
	}
	if cause := err.(*apierrors.StatusError).ErrStatus.Details.Causes[0].Message; cause != "The disruption budget web needs 3 healthy pods and has 4 currently" {
		t.Errorf("cause %q", cause)
	}
	pod.Status.Phase = corev1.PodFailed
	if out, err = Evict(w.context(), pod, &policyv1.Eviction{}); err != nil || len(out.Before) != 0 {
		t.Errorf("a failed pod: %v, %v", out.Before, err)
	}
}

func TestQuotaIsChargedAndExceeded(t *testing.T) {
	w := demo()
	q := &corev1.ResourceQuota{ObjectMeta: named("demo", "q")}
	q.Spec.Hard = api.Quantities("pods", "1", "requests.cpu", "1", "count/deployments.apps", "2", "services", "1")
	w.add(q)
	withCPU := podManifest + "    resources: {requests: {cpu: 700m}}\n"
	_, err := createYAML(t, w, withCPU)
	if err == nil || err.Error() != `pods "p" is forbidden: status unknown for quota: q, resources: pods,requests.cpu` {
		t.Errorf("before the first count: %v", err)
	}
	q.Status.Hard, q.Status.Used = q.Spec.Hard, api.Quantities("pods", "0", "requests.cpu", "0", "count/deployments.apps", "0", "services", "1")
	if _, err = createYAML(t, w, podManifest); err == nil || err.Error() != `pods "p" is forbidden: failed quota: q: must specify requests.cpu for: c` {
		t.Errorf("without a request: %v", err)
	}
	obj, r, err := api.Decode([]byte(withCPU))
	must(t, err)
	out, err := For(r).Create(w.context(), "demo", obj)
	must(t, err)
	used := out.Before[0].New.(*corev1.ResourceQuota).Status.Used
	if used.Pods().Value() != 1 || used.Name("requests.cpu", "").MilliValue() != 700 || q.Status.Used.Pods().Value() != 0 {
		t.Errorf("used %v", used)
	}
	q.Status.Used = used
	_, err = createYAML(t, w, withCPU)
	want := `pods "p" is forbidden: exceeded quota: q, requested: pods=1,requests.cpu=700m, used: pods=1,requests.cpu=700m, limited: pods=1,requests.cpu=1`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	want = `services "s" is forbidden: exceeded quota: q, requested: services=1, used: services=1, limited: services=1`
	if _, err = createYAML(t, w, serviceManifest); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestLimitRangeFillsAndBounds(t *testing.T) {
	w := demo()
	lr, err := createYAML(t, w, `
apiVersion: v1
kind: LimitRange
metadata: {name: lr}
spec: {limits: [{type: Container, default: {cpu: 200m, memory: 128Mi}, defaultRequest: {cpu: 100m, memory: 64Mi}, max: {cpu: "2"}}]}
`)
	must(t, err)
	w.add(lr)
	obj, err := createYAML(t, w, podManifest)
	must(t, err)
	pod := obj.(*corev1.Pod)
	want := "LimitRanger plugin set: cpu, memory request for container c; cpu, memory limit for container c"
	if got := pod.Annotations["kubernetes.io/limit-ranger"]; got != want {
		t.Errorf("annotation %q, want %q", got, want)
	}
	if r := pod.Spec.Containers[0].Resources; r.Limits.Cpu().MilliValue() != 200 || r.Requests.Memory().Value() != 64<<20 {
		t.Errorf("resources %v", r)
	}
	_, err = createYAML(t, w, podManifest+"    resources: {limits: {cpu: 3}}\n")
	if err == nil || err.Error() != `pods "p" is forbidden: maximum cpu usage per Container is 2, but limit is 3` {
		t.Errorf("over the maximum: %v", err)
	}
}

func TestServiceKeepsWhatWasAllocated(t *testing.T) {
	w := demo()
	obj, err := createYAML(t, w, serviceManifest)
	must(t, err)
	s := obj.(*corev1.Service)
	if s.Spec.ClusterIP == "" || s.Spec.ClusterIPs[0] != s.Spec.ClusterIP {
		t.Fatalf("no address: %+v", s.Spec)
	}
	w.add(s)
	again, _, err := api.Decode([]byte(serviceManifest))
	must(t, err)
	out, err := For(api.Services).Update(w.context(), "", s, again)
	must(t, err)
	if out.Action != Nothing {
		t.Errorf("applying the same manifest: action %v, %+v", out.Action, out.Object.(*corev1.Service).Spec)
	}
	other := again.(*corev1.Service)
	other.Spec.ClusterIP = "10.96.0.77"
	if _, err = For(api.Services).Update(w.context(), "", s, other); err == nil {
		t.Error("the address of a service was changed")
	}
	taken := s.DeepCopy()
	taken.ObjectMeta = metav1.ObjectMeta{Name: "t"}
	if _, err = For(api.Services).Create(w.context(), "demo", taken); err == nil {
		t.Error("an address was given twice")
	}
}

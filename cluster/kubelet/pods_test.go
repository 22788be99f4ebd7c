package kubelet_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/runtime"
)

// ready makes a world whose nodes are ready.
func readyWorld(t testing.TB, images map[string]runtime.Image, nodes int) *world {
	t.Helper()
	w := newWorld(t, images, nodes)
	w.eventually(30*time.Second, "the nodes are ready", func() bool {
		for _, n := range w.nodes {
			if o := w.node(n.Machine.Name()); o == nil || !api.IsNodeReady(o) {
				return false
			}
		}
		return true
	})
	w.audit = nil
	return w
}

func (w *world) running(name string) bool {
	p := w.pod(name)
	return p != nil && p.Status.Phase == corev1.PodRunning && api.IsPodReady(p)
}

func TestAPodRuns(t *testing.T) {
	w := readyWorld(t, nil, 1)
	w.create(bound("web", "node-0"))
	w.eventually(10*time.Second, "the pod runs", func() bool { return w.running("web") })
	w.run(5 * time.Second)
	pod := w.pod("web")
	s := pod.Status.ContainerStatuses[0]
	if !strings.HasPrefix(s.ContainerID, "containerd://") || len(s.ContainerID) != len("containerd://")+64 ||
		!strings.HasPrefix(s.ImageID, "docker.io/library/nginx@sha256:") || s.Image != "docker.io/library/nginx:1.25" || !*s.Started || s.Resources == nil {
		t.Errorf("container status %+v", s)
	}
	if pod.Status.PodIP != "10.128.0.2" || pod.Status.HostIP != "172.16.0.1" || pod.Status.QOSClass != corev1.PodQOSBestEffort || pod.Status.ObservedGeneration != 1 {
		t.Errorf("status %+v", pod.Status)
	}
	for _, c := range []corev1.PodConditionType{"PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"} {
		if is := api.PodCondition(pod, c); is == nil || is.Status != corev1.ConditionTrue || is.ObservedGeneration != 1 {
			t.Errorf("condition %s is %+v", c, is)
		}
	}
	events := w.events("web")
	for _, want := range []string{`Pulling: Pulling image "nginx:1.25"`, "Created: Container created", "Started: Container started"} {
		if !contains(events, want) {
			t.Errorf("no event %q in %q", want, events)
		}
	}
	if !slices.ContainsFunc(events, func(e string) bool {
		return strings.HasPrefix(e, `Pulled: Successfully pulled image "nginx:1.25" in `) && strings.HasSuffix(e, "including waiting). Image size: 104857600 bytes.")
	}) {
		t.Errorf("no Pulled event in %q", events)
	}
	if got := w.requests("pods"); got["patch 200"] != 3 || len(got) != 1 {
		t.Errorf("writes to pods: %v, want ContainerCreating, the sandbox, and Running", got)
	}
	w.create(bound("again", "node-0"))
	w.eventually(3*time.Second, "a second pod of the image needs no pull", func() bool { return w.running("again") })
	w.run(2 * time.Second)
	if !contains(w.events("again"), `Pulled: Container image "nginx:1.25" already present on machine and can be accessed by the pod`) {
		t.Errorf("events %q", w.events("again"))
	}
	w.detector.Verify()
}

func TestADeletedPodStopsGracefully(t *testing.T) {
	deaf := corev1.Container{Name: "c", Image: "deaf"}
	hooked := corev1.Container{Name: "c", Image: "nginx", Lifecycle: &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: 5}}}}
	for _, c := range []struct {
		name      string
		container corev1.Container
		least     time.Duration
		most      time.Duration
	}{
		{"default", corev1.Container{Name: "c", Image: "nginx"}, time.Second, 4 * time.Second},
		{"deaf", deaf, 10 * time.Second, 13 * time.Second},
		{"hooked", hooked, 6 * time.Second, 9 * time.Second},
	} {
		w := readyWorld(t, map[string]runtime.Image{"deaf": {IgnoreSIGTERM: true}}, 1)
		pod := bound("p", "node-0", c.container)
		pod.Spec.TerminationGracePeriodSeconds = api.Ptr(int64(10))
		w.create(pod)
		w.eventually(10*time.Second, "the pod runs", func() bool { return w.running("p") })
		w.delete("p")
		took := w.eventually(20*time.Second, "the pod is gone", func() bool { return w.pod("p") == nil })
		if took < c.least || took > c.most {
			t.Errorf("%s: gone after %v, want %v to %v", c.name, took, c.least, c.most)
		}
		w.run(3 * time.Second)
		if !contains(w.events("p"), "Killing: Stopping container c") {
			t.Errorf("%s: events %q", c.name, w.events("p"))
		}
		if got := w.requests("pods"); got["delete 200"] != 1 {
			t.Errorf("%s: writes %v", c.name, got)
		}
		if n := len(w.nodes[0].Runtime.Pods()); n != 0 {
			t.Errorf("%s: the runtime still has %d pods", c.name, n)
		}
	}
}

func TestACrashingContainerBacksOff(t *testing.T) {
	w := readyWorld(t, map[string]runtime.Image{"crash": {RunFor: time.Second, ExitCode: 3}}, 1)
	w.create(bound("p", "node-0", corev1.Container{Name: "c", Image: "crash"}))
	var starts []time.Time
	w.eventually(5*time.Minute, "it has been restarted five times", func() bool {
		p := w.pod("p")
		if p == nil || len(p.Status.ContainerStatuses) == 0 {
			return false
		}
		s := p.Status.ContainerStatuses[0]
		if s.State.Running != nil && (len(starts) == 0 || !starts[len(starts)-1].Equal(s.State.Running.StartedAt.Time)) {
			starts = append(starts, s.State.Running.StartedAt.Time)
		}
		return len(starts) == 6
	})
	// The first restart comes at once; after it 10, 20, 40, 80 s from the end, up to half more for the worker's jitter.
	for i, want := range []time.Duration{0, 10, 20, 40, 80} {
		want *= time.Second
		gap := starts[i+1].Sub(starts[i]) - 2*time.Second // runs 1 s, starts in 1 s
		if gap < want-2*time.Second || gap > want+want/2+3*time.Second {
			t.Errorf("restart %d after %v, want about %v", i+1, gap, want)
		}
	}
	p := w.pod("p")
	if s := p.Status.ContainerStatuses[0]; s.RestartCount != 5 || s.LastTerminationState.Terminated == nil || s.LastTerminationState.Terminated.ExitCode != 3 || s.LastTerminationState.Terminated.Reason != "Error" {
		t.Errorf("status %+v", s)
	}
	// The status says so from the next sync on, which comes after a minute to a minute and a half: the back-off is longer.
	w.eventually(100*time.Second, "it waits in CrashLoopBackOff", func() bool {
		s := w.pod("p").Status.ContainerStatuses[0].State.Waiting
		return s != nil && s.Reason == "CrashLoopBackOff" && strings.HasPrefix(s.Message, "back-off 2m40s restarting failed container=c pod=p_default(")
	})
	w.run(2 * time.Second)
	if !slices.ContainsFunc(w.events("p"), func(e string) bool {
		return strings.HasPrefix(e, "BackOff: Back-off restarting failed container c in pod p_default(")
	}) {
		t.Errorf("events %q", w.events("p"))
	}
}

func TestAnImageThatCannotBePulledBacksOff(t *testing.T) {
	w := readyWorld(t, map[string]runtime.Image{"missing": {PullError: "not found"}}, 1)
	w.create(bound("p", "node-0", corev1.Container{Name: "c", Image: "missing:1"}))
	reasons := map[string]bool{}
	w.eventually(time.Minute, "both reasons were seen", func() bool {
		if p := w.pod("p"); len(p.Status.ContainerStatuses) > 0 && p.Status.ContainerStatuses[0].State.Waiting != nil {
			reasons[p.Status.ContainerStatuses[0].State.Waiting.Reason] = true
		}
		return reasons["ErrImagePull"] && reasons["ImagePullBackOff"]
	})
	w.run(2 * time.Second)
	events := w.events("p")
	for _, want := range []string{
		`Failed: Failed to pull image "missing:1": failed to pull and unpack image "docker.io/library/missing:1": not found`,
		"Failed: Error: ErrImagePull", `BackOff: Back-off pulling image "missing:1"`, "Failed: Error: ImagePullBackOff",
	} {
		if !contains(events, want) {
			t.Errorf("no event %q in %q", want, events)
		}
	}
}

func TestPodsThatEndAreReportedAndNotRestarted(t *testing.T) {
	images := map[string]runtime.Image{"ok": {RunFor: 2 * time.Second}, "bad": {RunFor: 2 * time.Second, ExitCode: 1}}
	for _, c := range []struct {
		image  string
		policy corev1.RestartPolicy
		phase  corev1.PodPhase
		reason string
	}{
		{"ok", corev1.RestartPolicyNever, corev1.PodSucceeded, "PodCompleted"},
		{"ok", corev1.RestartPolicyOnFailure, corev1.PodSucceeded, "PodCompleted"},
		{"bad", corev1.RestartPolicyNever, corev1.PodFailed, "PodFailed"},
	} {
		w := readyWorld(t, images, 1)
		pod := bound("p", "node-0", corev1.Container{Name: "c", Image: c.image})
		pod.Spec.RestartPolicy = c.policy
		w.create(pod)
		w.eventually(20*time.Second, "it has ended", func() bool { return api.IsPodTerminal(w.pod("p")) })
		w.run(30 * time.Second)
		p := w.pod("p")
		if r := api.PodCondition(p, corev1.PodReady); p.Status.Phase != c.phase || r.Reason != c.reason || p.Status.ContainerStatuses[0].RestartCount != 0 {
			t.Errorf("%s %s: %s, %+v", c.image, c.policy, p.Status.Phase, r)
		}
	}
}

func TestInitContainersRunInOrderAndSidecarsBesides(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	w := readyWorld(t, map[string]runtime.Image{"step": {RunFor: time.Second}}, 1)
	pod := bound("p", "node-0", corev1.Container{Name: "main", Image: "nginx"})
	pod.Spec.InitContainers = []corev1.Container{{Name: "first", Image: "step"}, {Name: "side", Image: "nginx", RestartPolicy: &always}, {Name: "second", Image: "step"}}
	w.create(pod)
	w.eventually(5*time.Second, "the pod is being initialized", func() bool {
		c := api.PodCondition(w.pod("p"), corev1.PodInitialized)
		return c != nil && c.Status == corev1.ConditionFalse && c.Message == "containers with incomplete status: [first side second]"
	})
	w.eventually(30*time.Second, "the pod runs", func() bool { return w.running("p") })
	s := w.pod("p").Status
	first, side, second := s.InitContainerStatuses[0], s.InitContainerStatuses[1], s.InitContainerStatuses[2]
	if first.State.Terminated == nil || second.State.Terminated == nil || side.State.Running == nil || !side.Ready || !*side.Started {
		t.Fatalf("%s", w.describe())
	}
	main := s.ContainerStatuses[0].State.Running.StartedAt
	if second.State.Terminated.StartedAt.Before(&first.State.Terminated.FinishedAt) || side.State.Running.StartedAt.Before(&first.State.Terminated.FinishedAt) ||
		main.Before(&second.State.Terminated.FinishedAt) {
		t.Errorf("out of order: %+v", s)
	}
	w.delete("p")
	w.eventually(10*time.Second, "the pod is gone", func() bool { return w.pod("p") == nil })
}

func TestAFailedInitContainerFailsAPodThatNeverRestarts(t *testing.T) {
	w := readyWorld(t, map[string]runtime.Image{"bad": {RunFor: time.Second, ExitCode: 1}}, 1)
	pod := bound("p", "node-0")
	pod.Spec.RestartPolicy = corev1.RestartPolicyNever
	pod.Spec.InitContainers = []corev1.Container{{Name: "init", Image: "bad"}}
	w.create(pod)
	w.eventually(20*time.Second, "it has failed", func() bool { return w.pod("p").Status.Phase == corev1.PodFailed })
	if s := w.pod("p").Status; s.ContainerStatuses[0].State.Waiting == nil || s.InitContainerStatuses[0].State.Terminated.ExitCode != 1 {
		t.Errorf("%s", w.describe())
	}
}

func probe(period, threshold int32) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/healthz", Port: intstr.FromInt32(8080)}},
		PeriodSeconds: period, FailureThreshold: threshold, SuccessThreshold: 1, TimeoutSeconds: 1,
	}
}

func TestReadinessFollowsItsProbe(t *testing.T) {
	w := readyWorld(t, map[string]runtime.Image{"slow": {ReadyIn: 12 * time.Second}}, 1)
	w.create(bound("p", "node-0", corev1.Container{Name: "c", Image: "slow", ReadinessProbe: probe(5, 3)}))
	w.eventually(10*time.Second, "it runs, not ready", func() bool {
		p := w.pod("p")
		return p.Status.Phase == corev1.PodRunning && !api.IsPodReady(p) && api.PodCondition(p, corev1.PodReady).Message == "containers with unready status: [c]"
	})
	took := w.eventually(30*time.Second, "it is ready", func() bool { return w.running("p") })
	if took < 10*time.Second || took > 18*time.Second {
		t.Errorf("ready after %v, want 12 s and up to a period", took)
	}
	w.run(2 * time.Second)
	if !contains(w.events("p"), `Unhealthy: Readiness probe failed: Get "http://10.128.0.2:8080/healthz": dial tcp 10.128.0.2:8080: connect: connection refused`) {
		t.Errorf("events %q", w.events("p"))
	}
}

func TestAFailingLivenessProbeRestartsTheContainer(t *testing.T) {
	w := readyWorld(t, map[string]runtime.Image{"dead": {FailLiveness: true}}, 1)
	w.create(bound("p", "node-0", corev1.Container{Name: "c", Image: "dead", LivenessProbe: probe(2, 3)}))
	w.eventually(40*time.Second, "it was restarted", func() bool {
		p := w.pod("p")
		return len(p.Status.ContainerStatuses) > 0 && p.Status.ContainerStatuses[0].RestartCount == 1
	})
	w.run(2 * time.Second)
	for _, want := range []string{"Unhealthy: Liveness probe failed: HTTP probe failed with statuscode: 500", "Killing: Container c failed liveness probe, will be restarted"} {
		if !contains(w.events("p"), want) {
			t.Errorf("no event %q in %q", want, w.events("p"))
		}
	}
}

func TestAStartupProbeHoldsBackTheOthers(t *testing.T) {
	w := readyWorld(t, map[string]runtime.Image{"slow": {ReadyIn: 9 * time.Second}}, 1)
	w.create(bound("p", "node-0", corev1.Container{Name: "c", Image: "slow", StartupProbe: probe(2, 30), ReadinessProbe: probe(2, 1)}))
	w.eventually(10*time.Second, "it runs, not started", func() bool {
		s := w.pod("p").Status.ContainerStatuses
		return len(s) > 0 && s[0].State.Running != nil && s[0].Started != nil && !*s[0].Started && !s[0].Ready
	})
	w.eventually(20*time.Second, "it is ready", func() bool { return w.running("p") })
	w.run(2 * time.Second)
	for _, e := range w.events("p") {
		if strings.HasPrefix(e, "Unhealthy: Readiness") {
			t.Errorf("readiness was probed before the start: %q", e)
		}
	}
}

func TestThePodOfACrashedMachineStartsAgain(t *testing.T) {
	w := readyWorld(t, nil, 1)
	w.create(bound("p", "node-0"))
	w.eventually(10*time.Second, "the pod runs", func() bool { return w.running("p") })
	id := w.pod("p").Status.ContainerStatuses[0].ContainerID
	w.nodes[0].Machine.Crash()
	w.run(20 * time.Second)
	w.nodes[0].Machine.Boot()
	w.eventually(20*time.Second, "the pod runs again", func() bool {
		return w.running("p") && w.pod("p").Status.ContainerStatuses[0].ContainerID != id
	})
	s := w.pod("p").Status.ContainerStatuses[0]
	if last := s.LastTerminationState.Terminated; s.RestartCount != 1 || last == nil || last.ExitCode != 255 || last.Reason != "Unknown" {
		t.Errorf("status %+v", s)
	}
	w.run(2 * time.Second)
	if !contains(w.events("p"), "SandboxChanged: Pod sandbox changed, it will be killed and re-created.") {
		t.Errorf("events %q", w.events("p"))
	}
}

func TestARestartedKubeletLetsContainersRun(t *testing.T) {
	w := readyWorld(t, nil, 1)
	w.create(bound("p", "node-0", corev1.Container{Name: "c", Image: "nginx", ReadinessProbe: probe(10, 3)}))
	w.eventually(10*time.Second, "the pod runs", func() bool { return w.running("p") })
	w.create(bound("gone", "node-0"))
	w.eventually(10*time.Second, "the other pod runs", func() bool { return w.running("gone") })
	w.run(20 * time.Second)
	id := w.pod("p").Status.ContainerStatuses[0].ContainerID
	w.nodes[0].Process.Kill()
	w.must(&api.Request{Verb: api.VerbDelete, Resource: api.Pods, Namespace: "default", Name: "gone", Delete: metav1.NewDeleteOptions(0)})
	w.run(5 * time.Second)
	w.nodes[0].Process.Start()
	for range 300 {
		w.run(100 * time.Millisecond)
		if !w.running("p") {
			t.Fatalf("the pod is not ready while the kubelet restarts:\n%s", w.describe())
		}
	}
	if s := w.pod("p").Status.ContainerStatuses[0]; s.ContainerID != id || s.RestartCount != 0 {
		t.Errorf("status %+v", s)
	}
	if n := len(w.nodes[0].Runtime.Pods()); n != 1 {
		t.Errorf("the runtime has %d pods: the deleted one must go", n)
	}
}

func TestPodsThatDoNotFitAreRejected(t *testing.T) {
	w := readyWorld(t, nil, 1)
	big := corev1.Container{Name: "c", Image: "nginx", Resources: corev1.ResourceRequirements{Requests: api.Quantities("cpu", "3")}}
	w.create(bound("first", "node-0", big))
	w.create(bound("second", "node-0", big))
	picky := bound("picky", "node-0")
	picky.Spec.NodeSelector = map[string]string{"disk": "ssd"}
	w.create(picky)
	for name, want := range map[string]struct{ reason, message string }{
		"second": {"OutOfcpu", "Pod was rejected: Node didn't have enough resource: cpu, requested: 3000, used: 3000, capacity: 4000"},
		"picky":  {"NodeAffinity", "Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"},
	} {
		w.eventually(5*time.Second, name+" is rejected", func() bool { return w.pod(name).Status.Phase == corev1.PodFailed })
		if s := w.pod(name).Status; s.Reason != want.reason || s.Message != want.message {
			t.Errorf("%s: %q %q", name, s.Reason, s.Message)
		}
	}
	w.eventually(10*time.Second, "the first runs", func() bool { return w.running("first") })
	w.delete("second")
	w.eventually(10*time.Second, "a rejected pod can be deleted", func() bool { return w.pod("second") == nil })
}

func TestAPodWaitsForItsConfigMap(t *testing.T) {
	w := readyWorld(t, nil, 1)
	mounted := bound("mounted", "node-0")
	mounted.Spec.Volumes = []corev1.Volume{{Name: "cfg", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}}}}}
	mounted.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "cfg", MountPath: "/etc/cfg", ReadOnly: true}}
	w.create(mounted)
	w.create(bound("env", "node-0", corev1.Container{Name: "c", Image: "nginx", EnvFrom: []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}}}}}))
	w.run(12 * time.Second)
	if s := w.pod("mounted").Status.ContainerStatuses[0].State.Waiting; s == nil || s.Reason != "ContainerCreating" {
		t.Errorf("mounted: %s", w.describe())
	}
	if s := w.pod("env").Status.ContainerStatuses[0].State.Waiting; s == nil || s.Reason != "CreateContainerConfigError" || s.Message != `configmap "settings" not found` {
		t.Errorf("env: %s", w.describe())
	}
	if !contains(w.events("mounted"), `FailedMount: MountVolume.SetUp failed for volume "cfg" : configmap "settings" not found`) {
		t.Errorf("events %q", w.events("mounted"))
	}
	if !contains(w.events("env"), `Failed: Error: configmap "settings" not found`) {
		t.Errorf("events %q", w.events("env"))
	}
	w.create(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "settings"}})
	w.eventually(time.Minute, "both run", func() bool { return w.running("mounted") && w.running("env") })
}

func TestADeadlineFailsThePod(t *testing.T) {
	w := readyWorld(t, nil, 1)
	pod := bound("p", "node-0")
	pod.Spec.ActiveDeadlineSeconds = api.Ptr(int64(15))
	w.create(pod)
	w.eventually(10*time.Second, "the pod runs", func() bool { return w.running("p") })
	w.eventually(20*time.Second, "it has failed", func() bool { return w.pod("p").Status.Phase == corev1.PodFailed })
	w.run(5 * time.Second)
	p := w.pod("p")
	if p.Status.Reason != "DeadlineExceeded" || p.Status.ContainerStatuses[0].State.Terminated == nil {
		t.Errorf("%s", w.describe())
	}
}

func TestReplacingTheImageRestartsTheContainer(t *testing.T) {
	w := readyWorld(t, nil, 1)
	w.create(bound("p", "node-0"))
	w.eventually(10*time.Second, "the pod runs", func() bool { return w.running("p") })
	p := w.pod("p").DeepCopy()
	p.Spec.Containers[0].Image = "nginx:1.26"
	w.must(&api.Request{Verb: api.VerbUpdate, Resource: api.Pods, Namespace: "default", Name: "p", Object: p})
	w.eventually(20*time.Second, "it runs the new image", func() bool {
		s := w.pod("p").Status.ContainerStatuses[0]
		return s.Image == "docker.io/library/nginx:1.26" && s.Ready && s.RestartCount == 1
	})
	w.run(2 * time.Second)
	if !contains(w.events("p"), "Killing: Container c definition changed, will be restarted") {
		t.Errorf("events %q", w.events("p"))
	}
}

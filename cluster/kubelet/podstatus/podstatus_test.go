package podstatus

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/runtime"
	"github.com/fauxkube/fauxkube/sim"
)

var always = corev1.ContainerRestartPolicyAlways

// noProbes: every running container is started and ready.
type noProbes struct{}

func (noProbes) Started(*corev1.ContainerStatus) bool { return true }
func (noProbes) Ready(*corev1.ContainerStatus) bool   { return true }

// podOf builds a pod: names of init containers, those with a ~ being sidecars, and of main containers.
func podOf(policy corev1.RestartPolicy, inits, mains []string) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "d", UID: "u", Generation: 3}}
	pod.Spec.RestartPolicy = policy
	for _, n := range inits {
		c := corev1.Container{Name: n, Image: "i"}
		if n[0] == '~' {
			c.RestartPolicy = &always
		}
		pod.Spec.InitContainers = append(pod.Spec.InitContainers, c)
	}
	for _, n := range mains {
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: n, Image: "i"})
	}
	return pod
}

const second = sim.Wall(time.Second)

// run describes a container by a letter: r running, c created, 0 and 1 exited with that code.
func run(name, state string, restarts int32) runtime.ContainerStatus {
	c := runtime.ContainerStatus{ID: name + state, Name: name, Sandbox: "s", RestartCount: restarts, Image: "i", StartedAt: 5 * second}
	switch state {
	case "r":
		c.State = runtime.Running
	case "c":
		c.State = runtime.Created
	default:
		c.State, c.FinishedAt = runtime.Exited, 9*second
		c.Reason = runtime.ReasonCompleted
		if state == "1" {
			c.ExitCode, c.Reason = 1, runtime.ReasonError
		}
	}
	return c
}

func runtimeOf(containers ...runtime.ContainerStatus) *runtime.PodStatus {
	return &runtime.PodStatus{UID: "u", Containers: containers, Sandboxes: []runtime.SandboxStatus{{ID: "s", Ready: true, IP: "10.0.0.2"}}}
}

func generate(pod *corev1.Pod, rt *runtime.PodStatus, old *corev1.PodStatus, terminal bool, reasons map[string]Reason) corev1.PodStatus {
	if old == nil {
		old = &pod.Status
	}
	return Generate(&Input{Pod: pod, Runtime: rt, Old: old, Terminal: terminal, Probes: noProbes{}, HostIP: "172.16.0.1",
		Reason: func(c string) (Reason, bool) { r, ok := reasons[c]; return r, ok }})
}

func TestPhaseFollowsContainers(t *testing.T) {
	const (
		yes       = corev1.RestartPolicyAlways
		onFailure = corev1.RestartPolicyOnFailure
		never     = corev1.RestartPolicyNever
	)
	for _, c := range []struct {
		name     string
		policy   corev1.RestartPolicy
		inits    []string
		running  []runtime.ContainerStatus
		terminal bool
		want     corev1.PodPhase
	}{
		{"nothing yet", yes, nil, nil, false, corev1.PodPending},
		{"one of two", yes, nil, []runtime.ContainerStatus{run("a", "r", 0)}, false, corev1.PodPending},
		{"both run", yes, nil, []runtime.ContainerStatus{run("a", "r", 0), run("b", "r", 0)}, false, corev1.PodRunning},
		{"one ended, restarts", yes, nil, []runtime.ContainerStatus{run("a", "r", 0), run("b", "1", 0)}, false, corev1.PodRunning},
		{"both ended, restart", yes, nil, []runtime.ContainerStatus{run("a", "0", 0), run("b", "1", 0)}, false, corev1.PodRunning},
		{"both ended for good", yes, nil, []runtime.ContainerStatus{run("a", "0", 0), run("b", "0", 0)}, true, corev1.PodSucceeded},
		{"stopped with a failure", yes, nil, []runtime.ContainerStatus{run("a", "0", 0), run("b", "1", 0)}, true, corev1.PodFailed},
		{"never, all good", never, nil, []runtime.ContainerStatus{run("a", "0", 0), run("b", "0", 0)}, false, corev1.PodSucceeded},
		{"never, one bad", never, nil, []runtime.ContainerStatus{run("a", "0", 0), run("b", "1", 0)}, false, corev1.PodFailed},
		{"on failure, one bad", onFailure, nil, []runtime.ContainerStatus{run("a", "0", 0), run("b", "1", 0)}, false, corev1.PodRunning},
		{"on failure, all good", onFailure, nil, []runtime.ContainerStatus{run("a", "0", 0), run("b", "0", 0)}, false, corev1.PodSucceeded},
		{"init runs", yes, []string{"i"}, []runtime.ContainerStatus{run("i", "r", 0)}, false, corev1.PodPending},
		{"init failed for good", never, []string{"i"}, []runtime.ContainerStatus{run("i", "1", 0)}, false, corev1.PodFailed},
		{"init failed, again", yes, []string{"i"}, []runtime.ContainerStatus{run("i", "1", 0)}, false, corev1.PodPending},
		{"sidecar runs, mains ended", never, []string{"~s"}, []runtime.ContainerStatus{run("~s", "r", 0), run("a", "0", 0), run("b", "0", 0)}, false, corev1.PodRunning},
		{"sidecar ended too", never, []string{"~s"}, []runtime.ContainerStatus{run("~s", "1", 0), run("a", "0", 0), run("b", "0", 0)}, false, corev1.PodSucceeded},
	} {
		pod := podOf(c.policy, c.inits, []string{"a", "b"})
		if got := generate(pod, runtimeOf(c.running...), nil, c.terminal, nil).Phase; got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestATerminalPhaseStays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pod := podOf(rapid.SampledFrom([]corev1.RestartPolicy{"Always", "OnFailure", "Never"}).Draw(t, "policy"), nil, []string{"a", "b"})
		old := corev1.PodStatus{Phase: rapid.SampledFrom([]corev1.PodPhase{corev1.PodSucceeded, corev1.PodFailed}).Draw(t, "phase"), Reason: "Evicted"}
		if rapid.Bool().Draw(t, "in the API") {
			pod.Status = old
		}
		var containers []runtime.ContainerStatus
		for _, n := range []string{"a", "b"} {
			if s := rapid.SampledFrom([]string{"", "r", "0", "1", "c"}).Draw(t, n); s != "" {
				containers = append(containers, run(n, s, 0))
			}
		}
		got := generate(pod, runtimeOf(containers...), &old, rapid.Bool().Draw(t, "terminal"), nil)
		if !terminal(got.Phase) || terminal(pod.Status.Phase) && got.Phase != pod.Status.Phase {
			t.Fatalf("%s became %s", old.Phase, got.Phase)
		}
	})
}

func TestConditionsSayWhatIsMissing(t *testing.T) {
	type want struct{ initialized, ready, sandbox string }
	describe := func(s corev1.PodStatus) want {
		text := func(t corev1.PodConditionType) string {
			c := Condition(s.Conditions, t)
			return fmt.Sprintf("%s %s %s", c.Status, c.Reason, c.Message)
		}
		return want{text(corev1.PodInitialized), text(corev1.PodReady), text(corev1.PodReadyToStartContainers)}
	}
	pod := podOf(corev1.RestartPolicyAlways, []string{"i", "~s"}, []string{"b", "a"})
	for _, c := range []struct {
		name string
		rt   *runtime.PodStatus
		want want
	}{
		{"new", &runtime.PodStatus{}, want{
			"False ContainersNotInitialized containers with incomplete status: [i ~s]", "False ContainersNotReady containers with unready status: [~s b a]", "False  "}},
		{"init done", runtimeOf(run("i", "0", 0), run("~s", "r", 0)), want{"True  ", "False ContainersNotReady containers with unready status: [b a]", "True  "}},
		{"one main", runtimeOf(run("a", "r", 0), run("i", "0", 0), run("~s", "r", 0)), want{"True  ", "False ContainersNotReady containers with unready status: [b]", "True  "}},
		{"all", runtimeOf(run("a", "r", 0), run("b", "r", 0), run("i", "0", 0), run("~s", "r", 0)), want{"True  ", "True  ", "True  "}},
	} {
		s := generate(pod, c.rt, nil, false, nil)
		if got := describe(s); got != c.want {
			t.Errorf("%s:\n got %+v\nwant %+v", c.name, got, c.want)
		}
		for _, condition := range s.Conditions {
			if condition.ObservedGeneration != 3 {
				t.Errorf("%s: %s observed generation %d", c.name, condition.Type, condition.ObservedGeneration)
			}
		}
	}
}

func TestReadinessGatesHoldBackReady(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, nil, []string{"a"})
	pod.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: "x/lb"}}
	rt := runtimeOf(run("a", "r", 0))
	s := generate(pod, rt, nil, false, nil)
	if c := Condition(s.Conditions, corev1.PodReady); c.Status != corev1.ConditionFalse || c.Reason != "ReadinessGatesNotReady" || c.Message != `corresponding condition of pod readiness gate "x/lb" does not exist.` {
		t.Errorf("%+v", c)
	}
	pod.Status.Conditions = []corev1.PodCondition{{Type: "x/lb", Status: corev1.ConditionTrue}}
	s = generate(pod, rt, nil, false, nil)
	if c := Condition(s.Conditions, corev1.PodReady); c.Status != corev1.ConditionTrue || s.Conditions[0].Type != "x/lb" {
		t.Errorf("%+v", s.Conditions)
	}
}

func TestContainersShowTheirLastState(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, nil, []string{"a"})
	first := generate(pod, runtimeOf(run("a", "r", 0)), nil, false, nil)
	crashed := generate(pod, runtimeOf(run("a", "1", 0)), &first, false, nil)
	if s := crashed.ContainerStatuses[0]; s.State.Terminated == nil || s.State.Terminated.ExitCode != 1 || s.Ready || *s.Started {
		t.Errorf("crashed: %+v", s)
	}
	waiting := generate(pod, runtimeOf(run("a", "1", 0)), &crashed, false, map[string]Reason{"a": {"CrashLoopBackOff", "back-off 10s"}})
	if s := waiting.ContainerStatuses[0]; s.State.Waiting == nil || s.State.Waiting.Reason != "CrashLoopBackOff" || s.LastTerminationState.Terminated.ExitCode != 1 {
		t.Errorf("waiting: %+v", s)
	}
	again := run("a", "r", 1)
	again.ID = "other"
	restarted := generate(pod, runtimeOf(again, run("a", "1", 0)), &waiting, false, nil)
	if s := restarted.ContainerStatuses[0]; s.State.Running == nil || s.RestartCount != 1 || s.LastTerminationState.Terminated == nil || restarted.Phase != corev1.PodRunning {
		t.Errorf("restarted: %+v", s)
	}
	lost := generate(pod, runtimeOf(), &restarted, false, nil)
	if s := lost.ContainerStatuses[0]; lost.Phase == corev1.PodPending || s.LastTerminationState.Terminated == nil {
		t.Errorf("lost: %s %+v", lost.Phase, s)
	}
}

func TestADeletedPodsContainersDoNotWait(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, nil, []string{"a"})
	at := metav1.Now()
	pod.DeletionTimestamp = &at
	s := generate(pod, runtimeOf(run("a", "0", 0)), nil, true, map[string]Reason{"a": {"CrashLoopBackOff", ""}})
	if s.ContainerStatuses[0].State.Terminated == nil || s.Phase != corev1.PodSucceeded {
		t.Errorf("%s %+v", s.Phase, s.ContainerStatuses[0])
	}
}

func TestMergeKeepsForeignConditionsAndWaitsForContainers(t *testing.T) {
	now := metav1.Unix(100, 0)
	pod := podOf(corev1.RestartPolicyNever, nil, []string{"a"})
	old := corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{Type: "x/y", Status: "True"}, {Type: corev1.PodReady, Status: "True"}}}
	next := corev1.PodStatus{Phase: corev1.PodFailed, Reason: "DeadlineExceeded", Conditions: []corev1.PodCondition{
		{Type: corev1.PodReady, Status: "True"}, {Type: corev1.ContainersReady, Status: "True"}}}
	running := Merge(pod, &old, &next, true, now)
	if running.Phase != corev1.PodRunning || running.Reason != "" || running.Conditions[0].Type != "x/y" {
		t.Errorf("while a container runs: %+v", running)
	}
	stopped := Merge(pod, &old, &next, false, now)
	if c := Condition(stopped.Conditions, corev1.PodReady); stopped.Phase != corev1.PodFailed || c.Status != "False" || c.Reason != "PodFailed" {
		t.Errorf("after it: %+v", stopped)
	}
	if next.Conditions[0].Status != "True" {
		t.Error("merging changed its input")
	}
}

func TestFinishTerminatesWhatRan(t *testing.T) {
	pod := podOf(corev1.RestartPolicyAlways, []string{"i", "j"}, []string{"a"})
	s := corev1.PodStatus{
		Phase:                 corev1.PodPending,
		InitContainerStatuses: []corev1.ContainerStatus{{Name: "i", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}, {Name: "j", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{}}}},
		ContainerStatuses:     []corev1.ContainerStatus{{Name: "a", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{}}}},
	}
	f := Finish(pod, &s)
	if f.Phase != corev1.PodFailed || f.InitContainerStatuses[0].State.Terminated == nil || f.InitContainerStatuses[1].State.Waiting == nil || f.ContainerStatuses[0].State.Waiting == nil {
		t.Errorf("%+v", f)
	}
}

func TestTransitionTimesMoveWithTheStatusOnly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) []corev1.PodCondition {
			var out []corev1.PodCondition
			for _, x := range transitions[:3] {
				if s := rapid.SampledFrom([]string{"", "True", "False"}).Draw(t, label+string(x)); s != "" {
					out = append(out, corev1.PodCondition{Type: x, Status: corev1.ConditionStatus(s), LastTransitionTime: metav1.Unix(1, 0)})
				}
			}
			return out
		}
		old, next := corev1.PodStatus{Conditions: draw("old")}, corev1.PodStatus{Conditions: draw("next")}
		Settle(&next, &old, metav1.Unix(2, 0))
		for _, c := range next.Conditions {
			was := Condition(old.Conditions, c.Type)
			kept := was != nil && was.Status == c.Status
			if (c.LastTransitionTime.Unix() == 1) != kept {
				t.Fatalf("%s: %v, kept %v", c.Type, c.LastTransitionTime, kept)
			}
		}
	})
}

func TestRulesDecideBeforePolicies(t *testing.T) {
	never := corev1.ContainerRestartPolicyNever
	rules := []corev1.ContainerRestartRule{{Action: corev1.ContainerRestartRuleActionRestart, ExitCodes: &corev1.ContainerRestartRuleOnExitCodes{Operator: corev1.ContainerRestartRuleOnExitCodesOpIn, Values: []int32{42}}}}
	for _, c := range []struct {
		container corev1.Container
		policy    corev1.RestartPolicy
		code      int32
		want      bool
	}{
		{corev1.Container{}, "Always", 0, true}, {corev1.Container{}, "OnFailure", 0, false}, {corev1.Container{}, "OnFailure", 1, true},
		{corev1.Container{}, "Never", 1, false}, {corev1.Container{RestartPolicy: &never}, "Always", 1, false}, {corev1.Container{RestartPolicy: &always}, "Never", 0, true},
		{corev1.Container{RestartPolicy: &never, RestartPolicyRules: rules}, "Never", 42, true}, {corev1.Container{RestartPolicy: &never, RestartPolicyRules: rules}, "Never", 43, false},
	} {
		if got := RestartsAfter(&c.container, &corev1.PodSpec{RestartPolicy: c.policy}, c.code); got != c.want {
			t.Errorf("%+v %s %d: %v", c.container, c.policy, c.code, got)
		}
	}
}

func TestQOSClasses(t *testing.T) {
	resources := func(requests, limits corev1.ResourceList) corev1.Container {
		return corev1.Container{Resources: corev1.ResourceRequirements{Requests: requests, Limits: limits}}
	}
	full := api.Quantities("cpu", "1", "memory", "1Gi")
	for _, c := range []struct {
		containers []corev1.Container
		want       corev1.PodQOSClass
	}{
		{[]corev1.Container{resources(nil, nil)}, corev1.PodQOSBestEffort},
		{[]corev1.Container{resources(full, full)}, corev1.PodQOSGuaranteed},
		{[]corev1.Container{resources(full, full), resources(nil, nil)}, corev1.PodQOSBurstable},
		{[]corev1.Container{resources(api.Quantities("cpu", "1"), api.Quantities("cpu", "1"))}, corev1.PodQOSBurstable},
		{[]corev1.Container{resources(api.Quantities("cpu", "500m", "memory", "1Gi"), full)}, corev1.PodQOSBurstable},
	} {
		if got := ComputeQOS(&corev1.PodSpec{Containers: c.containers}); got != c.want {
			t.Errorf("%+v: %s, want %s", c.containers, got, c.want)
		}
	}
}

func BenchmarkGenerate(b *testing.B) {
	pod := podOf(corev1.RestartPolicyAlways, nil, []string{"a"})
	rt := runtimeOf(run("a", "r", 0))
	b.ReportAllocs()
	for b.Loop() {
		generate(pod, rt, nil, false, nil)
	}
}

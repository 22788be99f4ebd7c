package kubelet

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/runtime"
)

// answers are fixed probe results by container.
type answers map[string]result

func (a answers) verdict(kind runtime.Probe, id string) (result, bool) {
	r, ok := a[fmt.Sprint(kind, id)]
	return r, ok
}

func specOf(policy corev1.RestartPolicy, inits, mains string) *corev1.Pod {
	pod := &corev1.Pod{}
	pod.Spec.RestartPolicy = policy
	for _, n := range strings.Fields(inits) {
		c := corev1.Container{Name: strings.TrimPrefix(n, "~"), Image: "i"}
		if strings.HasPrefix(n, "~") {
			c.RestartPolicy = api.Ptr(corev1.ContainerRestartPolicyAlways)
		}
		pod.Spec.InitContainers = append(pod.Spec.InitContainers, c)
	}
	for _, n := range strings.Fields(mains) {
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: n, Image: "i"})
	}
	return pod
}

// states builds a snapshot from words such as "a=r b=1": r running, c created, a number an exit code.
func states(pod *corev1.Pod, words string) *runtime.PodStatus {
	rt := &runtime.PodStatus{Sandboxes: []runtime.SandboxStatus{{ID: "s", Ready: true, IP: "10.0.0.2"}}}
	for _, w := range strings.Fields(words) {
		name, state, _ := strings.Cut(w, "=")
		c := runtime.ContainerStatus{ID: name, Name: name, Sandbox: "s", State: runtime.Exited}
		switch state {
		case "r":
			c.State = runtime.Running
		case "c":
			c.State = runtime.Created
		default:
			fmt.Sscan(state, &c.ExitCode)
		}
		for _, list := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
			for i := range list {
				if list[i].Name == name {
					c.SpecHash = specHash(&list[i])
				}
			}
		}
		rt.Containers = append(rt.Containers, c)
	}
	return rt
}

// summary is what the actions come to, in words.
func (a actions) summary() string {
	var out []string
	if a.killPod {
		out = append(out, "kill pod")
	}
	if a.createSandbox {
		out = append(out, "sandbox")
	}
	for _, k := range a.kill {
		out = append(out, "kill "+k.name)
	}
	if len(a.initStart) > 0 {
		out = append(out, fmt.Sprint("init ", a.initStart))
	}
	if len(a.start) > 0 {
		out = append(out, fmt.Sprint("start ", a.start))
	}
	return strings.Join(out, ", ")
}

func TestActionsBringAPodForward(t *testing.T) {
	liveness := func(c string) answers { return answers{fmt.Sprint(runtime.Liveness, c): failure} }
	for _, c := range []struct {
		policy              corev1.RestartPolicy
		inits, mains, state string
		probes              answers
		want                string
	}{
		{"Always", "", "a b", "", nil, "start [0 1]"},
		{"Always", "", "a b", "a=r", nil, "start [1]"},
		{"Always", "", "a b", "a=r b=r", nil, ""},
		{"Always", "", "a b", "a=0 b=r", nil, "start [0]"},
		{"OnFailure", "", "a b", "a=0 b=1", nil, "start [1]"},
		{"Never", "", "a b", "a=0 b=r", nil, ""},
		{"Never", "", "a b", "a=0 b=1", nil, "kill pod"},
		{"OnFailure", "", "a", "a=0", nil, "kill pod"},
		{"Always", "", "a", "a=r", liveness("a"), "kill a, start [0]"},
		{"Never", "", "a b", "a=r b=r", liveness("a"), "kill a"},
		{"Always", "i j", "a", "", nil, "init [0]"},
		{"Always", "i j", "a", "i=r", nil, ""},
		{"Always", "i j", "a", "i=0", nil, "init [1]"},
		{"Always", "i j", "a", "j=0 i=0", nil, "start [0]"},
		{"Always", "i j", "a", "i=1", nil, "init [0]"},
		{"Never", "i j", "a", "i=1", nil, "kill pod"},
		{"Always", "i j", "a", "a=r", nil, ""},
		{"Always", "i ~s", "a", "i=0", nil, "init [1]"},
		{"Always", "i ~s", "a", "s=r i=0", nil, "start [0]"},
		{"Always", "~s i", "a", "s=r", nil, "init [1]"},
		{"Always", "~s", "a", "a=r s=1", nil, "init [0]"},
		{"Never", "~s", "a", "a=0 s=r", nil, "kill pod"},
	} {
		pod := specOf(c.policy, c.inits, c.mains)
		if got := computeActions(pod, states(pod, c.state), c.probes).summary(); got != c.want {
			t.Errorf("%s, init %q, main %q, %q: %q, want %q", c.policy, c.inits, c.mains, c.state, got, c.want)
		}
	}
}

func TestAPodWithoutASandboxStartsOver(t *testing.T) {
	for _, c := range []struct {
		policy       corev1.RestartPolicy
		inits, state string
		attempt      uint32
		want         string
	}{
		{"Always", "", "", 0, "kill pod, sandbox, start [0 1]"},
		{"Always", "i", "", 0, "kill pod, sandbox, init [0]"},
		{"Always", "i", "a=255 b=255 i=0", 1, "kill pod, sandbox, init [0]"},
		{"Never", "", "a=255 b=255", 1, "kill pod"},
		{"OnFailure", "", "a=0 b=255", 1, "kill pod, sandbox, start [1]"},
		{"OnFailure", "", "a=0 b=0", 1, "kill pod"},
	} {
		pod := specOf(c.policy, c.inits, "a b")
		rt := states(pod, c.state)
		rt.Sandboxes = nil
		if c.attempt > 0 {
			rt.Sandboxes = []runtime.SandboxStatus{{ID: "s", Attempt: c.attempt - 1}}
		}
		if got := computeActions(pod, rt, answers{}); got.summary() != c.want || got.attempt != c.attempt {
			t.Errorf("%s, init %q, %q: %q attempt %d, want %q", c.policy, c.inits, c.state, got.summary(), got.attempt, c.want)
		}
	}
}

// Whatever has happened, obeying the actions brings the pod to rest: it runs, or has ended.
func TestActionsComeToRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pod := specOf(rapid.SampledFrom([]corev1.RestartPolicy{"Always", "OnFailure", "Never"}).Draw(t, "policy"),
			rapid.SampledFrom([]string{"", "i", "i j", "~s", "i ~s", "~s i", "~s ~u i"}).Draw(t, "inits"), "a b")
		state := map[string]string{}
		names := []string{}
		for _, list := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
			for i := range list {
				names = append(names, list[i].Name)
				state[list[i].Name] = rapid.SampledFrom([]string{"", "c", "r", "0", "1"}).Draw(t, list[i].Name)
			}
		}
		for range 20 {
			var words []string
			for _, n := range names {
				if state[n] != "" {
					words = append(words, n+"="+state[n])
				}
			}
			a := computeActions(pod, states(pod, strings.Join(words, " ")), answers{})
			if a.killPod {
				return
			}
			if len(a.kill)+len(a.initStart)+len(a.start) == 0 {
				settled := true
				for i := range pod.Spec.InitContainers { // a regular init container that runs will end
					c := &pod.Spec.InitContainers[i]
					if c.RestartPolicy == nil && state[c.Name] == "r" {
						state[c.Name], settled = "0", false
					}
				}
				if settled {
					return
				}
			}
			for _, i := range a.initStart {
				state[pod.Spec.InitContainers[i].Name] = "r"
			}
			for _, i := range a.start {
				state[pod.Spec.Containers[i].Name] = "r"
			}
		}
		t.Fatalf("never at rest: %v", state)
	})
}

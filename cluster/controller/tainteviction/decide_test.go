package tainteviction

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

func TestHowLongAPodMayStay(t *testing.T) {
	unreachable := corev1.Taint{Key: corev1.TaintNodeUnreachable, Effect: corev1.TaintEffectNoExecute}
	dedicated := corev1.Taint{Key: "dedicated", Value: "db", Effect: corev1.TaintEffectNoExecute}
	seconds := func(key string, n int64) corev1.Toleration {
		return corev1.Toleration{Key: key, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: &n}
	}
	everything := corev1.Toleration{Operator: corev1.TolerationOpExists}
	equal := corev1.Toleration{Key: "dedicated", Value: "db"}
	for _, c := range []struct {
		name        string
		taints      []corev1.Taint
		tolerations []corev1.Toleration
		stay        time.Duration
		evict       bool
	}{
		{"no toleration", []corev1.Taint{unreachable}, nil, 0, true},
		{"admission's default", []corev1.Taint{unreachable}, []corev1.Toleration{seconds(corev1.TaintNodeNotReady, 300), seconds(corev1.TaintNodeUnreachable, 300)}, 300 * time.Second, false},
		{"for ever", []corev1.Taint{unreachable}, []corev1.Toleration{everything}, forEver, false},
		{"the first match decides", []corev1.Taint{unreachable}, []corev1.Toleration{seconds(corev1.TaintNodeUnreachable, 5), everything}, 5 * time.Second, false},
		{"the least of two", []corev1.Taint{unreachable, dedicated}, []corev1.Toleration{seconds(corev1.TaintNodeUnreachable, 60), seconds("dedicated", 30)}, 30 * time.Second, false},
		{"one is not tolerated", []corev1.Taint{unreachable, dedicated}, []corev1.Toleration{seconds(corev1.TaintNodeUnreachable, 60)}, 0, true},
		{"no seconds and some", []corev1.Taint{unreachable, dedicated}, []corev1.Toleration{seconds(corev1.TaintNodeUnreachable, 60), equal}, 60 * time.Second, false},
		{"negative seconds are none", []corev1.Taint{unreachable}, []corev1.Toleration{seconds(corev1.TaintNodeUnreachable, -1)}, 0, false},
		{"another value", []corev1.Taint{dedicated}, []corev1.Toleration{{Key: "dedicated", Value: "web"}}, 0, true},
		{"another effect", []corev1.Taint{dedicated}, []corev1.Toleration{{Key: "dedicated", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule}}, 0, true},
	} {
		stay, evict := tolerated(c.taints, c.tolerations)
		if stay != c.stay || evict != c.evict {
			t.Errorf("%s: got %v, %v; want %v, %v", c.name, stay, evict, c.stay, c.evict)
		}
	}
}

func TestOnlyNoExecuteTaintsMatter(t *testing.T) {
	got := noExecute([]corev1.Taint{{Key: "a", Effect: corev1.TaintEffectNoSchedule}, {Key: "b", Effect: corev1.TaintEffectNoExecute}})
	if len(got) != 1 || got[0].Key != "b" {
		t.Errorf("got %v", got)
	}
}

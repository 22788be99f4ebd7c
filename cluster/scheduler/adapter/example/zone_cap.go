// Package example is a scheduler plugin as anybody may have written it for kube-scheduler: it knows k8s.io/kube-scheduler/framework and nothing of
// this simulator. Package adapter runs it unchanged.
package example

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	fwk "k8s.io/kube-scheduler/framework"
)

// Name is the plugin's name in configurations.
const Name = "ZoneCap"

// ZoneCap lets at most so many pods of an app run in one zone, and prefers zones with fewer of them.
type ZoneCap struct {
	handle fwk.Handle
	limit  int
}

var (
	_ fwk.PreFilterPlugin = &ZoneCap{}
	_ fwk.FilterPlugin    = &ZoneCap{}
	_ fwk.ScorePlugin     = &ZoneCap{}
)

// New builds the plugin; its arguments are {"limit": NUMBER}.
func New(_ context.Context, args runtime.Object, h fwk.Handle) (fwk.Plugin, error) {
	given := struct{ Limit int }{Limit: 1} // by default
	if unknown, ok := args.(*runtime.Unknown); ok {
		if err := json.Unmarshal(unknown.Raw, &given); err != nil {
			return nil, fmt.Errorf("want args to be {limit: NUMBER}: %w", err)
		}
	}
	return &ZoneCap{handle: h, limit: given.Limit}, nil
}

func (z *ZoneCap) Name() string { return Name }

// counts are the pods of the app by zone.
type counts map[string]int

func (c counts) Clone() fwk.StateData {
	clone := counts{}
	for zone, n := range c { //sim:unordered builds another map
		clone[zone] = n
	}
	return clone
}

// PreFilter counts; pods without the label "app" are nobody's business.
func (z *ZoneCap) PreFilter(_ context.Context, state fwk.CycleState, pod *corev1.Pod, nodes []fwk.NodeInfo) (*fwk.PreFilterResult, *fwk.Status) {
	if pod.Labels["app"] == "" {
		return nil, fwk.NewStatus(fwk.Skip)
	}
	c := counts{}
	for _, node := range nodes {
		for _, other := range node.GetPods() {
			z.count(c, pod, other.GetPod(), node, 1)
		}
	}
	state.Write(Name, c)
	return nil, nil
}

func (z *ZoneCap) count(c counts, pod, other *corev1.Pod, node fwk.NodeInfo, sign int) {
	if other.Namespace == pod.Namespace && other.Labels["app"] == pod.Labels["app"] {
		c[node.Node().Labels[corev1.LabelTopologyZone]] += sign
	}
}

func (z *ZoneCap) PreFilterExtensions() fwk.PreFilterExtensions { return z }

// AddPod keeps the count true in dry runs.
func (z *ZoneCap) AddPod(_ context.Context, state fwk.CycleState, pod *corev1.Pod, added fwk.PodInfo, node fwk.NodeInfo) *fwk.Status {
	c, err := read(state)
	if err != nil {
		return fwk.AsStatus(err)
	}
	z.count(c, pod, added.GetPod(), node, 1)
	return nil
}

// RemovePod keeps the count true in dry runs.
func (z *ZoneCap) RemovePod(_ context.Context, state fwk.CycleState, pod *corev1.Pod, removed fwk.PodInfo, node fwk.NodeInfo) *fwk.Status {
	c, err := read(state)
	if err != nil {
		return fwk.AsStatus(err)
	}
	z.count(c, pod, removed.GetPod(), node, -1)
	return nil
}

func read(state fwk.CycleState) (counts, error) {
	data, err := state.Read(Name)
	if err != nil {
		return nil, err
	}
	return data.(counts), nil
}

// Filter refuses zones that are full.
func (z *ZoneCap) Filter(_ context.Context, state fwk.CycleState, _ *corev1.Pod, node fwk.NodeInfo) *fwk.Status {
	c, err := read(state)
	if err != nil {
		return fwk.AsStatus(err)
	}
	if c[node.Node().Labels[corev1.LabelTopologyZone]] >= z.limit {
		return fwk.NewStatus(fwk.Unschedulable, "node(s) in a zone with enough pods of the app")
	}
	return nil
}

// Score is the number of pods in the zone, turned around by NormalizeScore.
func (z *ZoneCap) Score(_ context.Context, state fwk.CycleState, _ *corev1.Pod, node fwk.NodeInfo) (int64, *fwk.Status) {
	c, err := read(state)
	if err != nil {
		return 0, nil // PreFilter skipped
	}
	return int64(c[node.Node().Labels[corev1.LabelTopologyZone]]), nil
}

func (z *ZoneCap) ScoreExtensions() fwk.ScoreExtensions { return z }

// NormalizeScore gives the fullest zone 0 and an empty one 100.
func (z *ZoneCap) NormalizeScore(_ context.Context, _ fwk.CycleState, _ *corev1.Pod, scores fwk.NodeScoreList) *fwk.Status {
	most := int64(0)
	for _, s := range scores {
		most = max(most, s.Score)
	}
	for i := range scores {
		if most == 0 {
			scores[i].Score = fwk.MaxScore
		} else {
			scores[i].Score = fwk.MaxScore * (most - scores[i].Score) / most
		}
	}
	return nil
}

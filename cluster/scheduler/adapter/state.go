package adapter

import (
	"k8s.io/apimachinery/pkg/util/sets"
	fwk "k8s.io/kube-scheduler/framework"
)

// cycleState is what adapted plugins remember during one attempt. Which plugins are left out is the runtime's business; what a plugin sets
// here has no effect.
type cycleState struct {
	data                             map[fwk.StateKey]fwk.StateData
	filter, score, preBind, parallel sets.Set[string]
	group                            fwk.PodGroupCycleState
}

func newState() *cycleState { return &cycleState{data: map[fwk.StateKey]fwk.StateData{}} }

func (s *cycleState) Read(key fwk.StateKey) (fwk.StateData, error) {
	if data, ok := s.data[key]; ok {
		return data, nil
	}
	return nil, fwk.ErrNotFound
}

func (s *cycleState) Write(key fwk.StateKey, data fwk.StateData) { s.data[key] = data }
func (s *cycleState) Delete(key fwk.StateKey)                    { delete(s.data, key) }

func (s *cycleState) copy() *cycleState {
	c := *s
	c.data = make(map[fwk.StateKey]fwk.StateData, len(s.data))
	//sim:unordered builds another map
	for key, data := range s.data {
		c.data[key] = data.Clone()
	}
	return &c
}

func (s *cycleState) Clone() fwk.CycleState { return s.copy() }

// CloneState implements framework.Cloner.
func (s *cycleState) CloneState() any { return s.copy() }

func (s *cycleState) ShouldRecordPluginMetrics() bool                         { return false }
func (s *cycleState) GetSkipFilterPlugins() sets.Set[string]                  { return s.filter }
func (s *cycleState) SetSkipFilterPlugins(plugins sets.Set[string])           { s.filter = plugins }
func (s *cycleState) GetSkipScorePlugins() sets.Set[string]                   { return s.score }
func (s *cycleState) SetSkipScorePlugins(plugins sets.Set[string])            { s.score = plugins }
func (s *cycleState) GetSkipPreBindPlugins() sets.Set[string]                 { return s.preBind }
func (s *cycleState) SetSkipPreBindPlugins(plugins sets.Set[string])          { s.preBind = plugins }
func (s *cycleState) GetParallelPreBindPlugins() sets.Set[string]             { return s.parallel }
func (s *cycleState) SetParallelPreBindPlugins(plugins sets.Set[string])      { s.parallel = plugins }
func (s *cycleState) ShouldSkipAllPostFilterPlugins() bool                    { return false }
func (s *cycleState) IsPodGroupSchedulingCycle() bool                         { return s.group != nil }
func (s *cycleState) GetPodGroupSchedulingCycle() fwk.PodGroupCycleState      { return s.group }
func (s *cycleState) SetPodGroupSchedulingCycle(cycle fwk.PodGroupCycleState) { s.group = cycle }

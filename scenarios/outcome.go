package scenarios

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/reports"
	"github.com/fauxkube/fauxkube/sim"
)

// outcome hashes what the run came to: the final objects and Events, and the verdicts. Unlike the digest it says nothing
// about how, so that it survives a change of the simulator that changes nothing which users see: uids, resource versions
// and Leases, which are renewed all the time, are left out.
func (r *run) outcome(report *reports.Report) uint64 {
	h := sim.HashString("outcome")
	for _, resource := range allResources() {
		if resource == api.Leases {
			continue
		}
		for _, o := range r.cluster.Store().List(resource, "", nil) {
			h = sim.Mix(h, sim.HashString(resource.String()+" "+string(content(o))))
		}
	}
	verdicts, err := json.Marshal([]any{report.Timeline, report.Expectations, report.Measures, report.Findings})
	if err != nil {
		panic(fmt.Sprintf("scenarios: verdicts cannot be encoded: %v", err))
	}
	return sim.Mix(h, sim.HashString(string(verdicts)))
}

// content is an object's encoding in the store without what only tells it from others of its kind.
func content(o api.Object) []byte {
	bare := api.ShallowCopy(o)
	meta := api.Meta(bare)
	meta.UID, meta.ResourceVersion = "", ""
	meta.OwnerReferences = slices.Clone(meta.OwnerReferences)
	for i := range meta.OwnerReferences {
		meta.OwnerReferences[i].UID = ""
	}
	message, ok := bare.(api.Message)
	if !ok {
		panic(fmt.Sprintf("scenarios: %T has no encoding", bare))
	}
	data := make([]byte, message.Size())
	n, err := message.MarshalToSizedBuffer(data)
	if err != nil {
		panic(fmt.Sprintf("scenarios: %T cannot be encoded: %v", bare, err))
	}
	return data[len(data)-n:]
}

// allResources are the kinds under which objects are stored: events.k8s.io shows the core Events.
func allResources() []*api.Resource {
	return slices.DeleteFunc(slices.Clone(api.Resources()), func(r *api.Resource) bool { return r == api.EventsV1 })
}

// pairs lists a map as alternating names and values, sorted.
func pairs(m map[string]string) []string {
	var all []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		all = append(all, k, m[k])
	}
	return all
}

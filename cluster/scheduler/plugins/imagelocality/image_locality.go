// Package imagelocality prefers nodes that have the pod's images already, by their size, and the less the fewer nodes have
// them: otherwise all pods of an image would gather on the first node that pulled it.
package imagelocality

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/helper"
	"github.com/fauxkube/fauxkube/cluster/scheduler/plugins/names"
)

// Images are worth their size within these bounds, the upper one per container
// (pkg/scheduler/framework/plugins/imagelocality/image_locality.go).
const (
	mb                    = 1024 * 1024
	minThreshold          = 23 * mb
	maxContainerThreshold = 1000 * mb
)

// ImageLocality is a Score plugin.
type ImageLocality struct {
	symbols *framework.Symbols
	state   framework.StateKey
}

// New returns the plugin.
func New(h *framework.Handle) *ImageLocality {
	return &ImageLocality{symbols: h.Symbols, state: h.NewStateKey()}
}

func (*ImageLocality) Name() string { return names.ImageLocality }

// wanted is the pod's images that any node has.
type wanted struct{ images []framework.ImageID }

// PreScore looks the pod's images up. It never skips: the plugin scores 0, not nothing, where no image is present.
func (p *ImageLocality) PreScore(c *framework.Cycle, _ []int32) *framework.Status {
	w := &wanted{}
	framework.ImageNames(c.Pod.Pod, func(name string) {
		if id := p.symbols.LookupImage(name); id != 0 {
			w.images = append(w.images, id)
		}
	})
	c.Write(p.state, w)
	return nil
}

// Score sums the sizes of the pod's images on the node, each scaled by the share of nodes that have it.
func (p *ImageLocality) Score(c *framework.Cycle, node *framework.NodeInfo) (int64, *framework.Status) {
	w := framework.StateOf[wanted](c, p.state)
	return score(c, w.images, node), nil
}

// ScoreSlots implements framework.ColumnScorer.
func (p *ImageLocality) ScoreSlots(c *framework.Cycle, slots []int32, scores []int64) {
	w := framework.StateOf[wanted](c, p.state)
	if len(w.images) == 0 {
		return // scores are zero already
	}
	for i, slot := range slots {
		scores[i] = score(c, w.images, c.Snapshot.Nodes[slot])
	}
}

func score(c *framework.Cycle, images []framework.ImageID, node *framework.NodeInfo) int64 {
	var sum int64
	for _, id := range images {
		if i, found := slices.BinarySearchFunc(node.Images, id, byID); found {
			sum += scaled(&node.Images[i], c.Snapshot.Len())
		}
	}
	spec := &c.Pod.Pod.Spec
	return priority(sum, int64(len(spec.InitContainers)+len(spec.Containers)))
}

func byID(i framework.ImageSummary, id framework.ImageID) int { return int(i.ID) - int(id) }

func scaled(i *framework.ImageSummary, nodes int) int64 {
	spread := float64(i.NumNodes) / float64(nodes)
	return int64(float64(i.Size) * spread)
}

func priority(sum, containers int64) int64 {
	maxThreshold := maxContainerThreshold * containers
	sum = min(max(sum, minThreshold), maxThreshold)
	return framework.MaxNodeScore * (sum - minThreshold) / (maxThreshold - minThreshold)
}

// Signable implements framework.SignPlugin.
func (*ImageLocality) Signable(*corev1.Pod) bool { return true }

// Fragments implements framework.SignPlugin: the set of the containers' images.
func (*ImageLocality) Fragments() []framework.SignFragment {
	return []framework.SignFragment{{Name: "images", Append: func(key []byte, pod *corev1.Pod) []byte {
		var images []string
		for _, containers := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
			for i := range containers {
				images = append(images, framework.NormalizeImage(containers[i].Image))
			}
		}
		slices.Sort(images)
		return helper.AppendStrings(key, slices.Compact(images))
	}}}
}

package cache

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// image is an image name that at least one node reports.
type image struct {
	name  string
	id    framework.ImageID
	size  int64 // bytes, as the first node reported
	nodes int32
}

// setImages replaces the images of a node. An image that no node has any more is forgotten, with its size.
func (c *Cache) setImages(n *node, reported []corev1.ContainerImage) {
	for _, i := range n.images {
		if i.nodes--; i.nodes == 0 {
			delete(c.images, i.name)
		}
	}
	n.images = nil
	for _, container := range reported {
		for _, name := range container.Names {
			i := c.image(name, container.SizeBytes)
			if !slices.Contains(n.images, i) {
				i.nodes++
				n.images = append(n.images, i)
			}
		}
	}
	slices.SortFunc(n.images, func(a, b *image) int { return int(a.id) - int(b.id) })
}

func (c *Cache) image(name string, size int64) *image {
	i := c.images[name]
	if i == nil {
		i = &image{name: name, id: c.symbols.Image(name), size: size}
		c.images[name] = i
	}
	return i
}

// summarise writes a node's images as they are known now into its snapshot copy. Counts are as of the copy: upstream
// refreshes them, too, only when the node itself changes.
func (n *node) summarise(dst *framework.NodeInfo) {
	for _, i := range n.images {
		dst.Images = append(dst.Images, framework.ImageSummary{ID: i.id, Size: i.size, NumNodes: i.nodes})
	}
}

func sameImages(a, b []corev1.ContainerImage) bool {
	return slices.EqualFunc(a, b, func(x, y corev1.ContainerImage) bool {
		return x.SizeBytes == y.SizeBytes && slices.Equal(x.Names, y.Names)
	})
}

// Package good is as it should be.
package good

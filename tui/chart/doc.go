// Package chart draws: lines over time, bars, sparklines and histograms. Data and a size go in, a string of exactly that
// size comes out.
//
// Lines over time are drawn by asciigraph, which is handed whole row numbers, one for each column: given a width it
// interpolates, and a spike of one reading is gone; an empty series makes it panic, one without any number prints
// nonsense, and a flat one ignores the height. So scaling, gaps, axes, labels and colours are done here and asciigraph
// draws the strokes. The package refuses to invent: a column without a reading stays empty, a series without readings is
// named in the legend with "–", and no line is drawn between readings that are missing.
package chart

// Package overhead is the arithmetic of what documents take in a database: the documents themselves, their text and their
// fields, the ratios, the budgets, the trend. One definition a name:
//
//	overhead_text    memory / bytes of the compact JSON text
//	overhead_string  memory / memory of that text as a plain string
//	overall          0.2 small + 0.3 medium + 0.5 large of overhead_string
//
// It measures nothing and knows no server: the figures are handed to it. What could not be measured has no ratio, fails no
// budget and shows no improvement; it is unmeasured.
package overhead

"""The operators that become C: table.py lists them all, a folder a family; see docs/contributing/add-an-operator.md.

site.py has what an operator's check asks of the model, kernel.py what operators and kernels are, and choice.py takes the cheapest
kernel. In a family's folder, generic.py (or a file named for its operators) checks an operator and has its portable kernel;
dsp.py, gemm.py, lanes.py and mve.py have kernels for some cores, and int16.py has the operator on int16 activations.
"""

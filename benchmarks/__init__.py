"""Figures by comparison: each benchmark runs beside its bare limit in the same minutes.

Machines are noisy, so runs are interleaved and medians are printed; quote the ratios.
"""

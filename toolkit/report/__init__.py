"""Pages that are made of what runs leave: one HTML file each, readable without a network."""

from toolkit.report.comparison import compare_page as compare_page
from toolkit.report.curve import curve_page as curve_page
from toolkit.report.run import run_page as run_page

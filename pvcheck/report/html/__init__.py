"""One page that needs nothing but itself: the fleet, a part for each contract, plots as SVG that is made here."""

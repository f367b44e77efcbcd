/// The style of the HTML report: light, dark, and for print.
#include "audit/report/writers.h"

namespace codedriftd {

const std::string_view kReportStyle = R"css(
:root{color-scheme:light dark;--ground:#fff;--raised:#f6f7f9;--ink:#1b2330;--quiet:#515c6d;--line:#d5dae2;--strong:#9aa4b3;
--link:#1f4f99;--alarm:#a01525;--alarm-ground:#fdecee;--warning:#7a4a00;--warning-ground:#fdf3df;--good:#1c6136;
--good-ground:#e8f5ec;--live:#d3e1f5;--other:#a9c4ea;--hash:#12284a;--watched:#eef1f5;--drift:#b3192b;--hatch:#8b95a5}
@media (prefers-color-scheme:dark){:root{--ground:#12161d;--raised:#1a202a;--ink:#e6eaf0;--quiet:#a9b3c2;--line:#323b49;
--strong:#566274;--link:#8db8ff;--alarm:#ff9aa5;--alarm-ground:#3b1920;--warning:#f3c26b;--warning-ground:#342812;
--good:#86d6a0;--good-ground:#15301f;--live:#26446e;--other:#3a6099;--hash:#f0f5ff;--watched:#1f2732;--drift:#ff6b7a;
--hatch:#7d8899}}
*{box-sizing:border-box}
html{scroll-behavior:auto}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,
"Noto Sans","DejaVu Sans",sans-serif;-webkit-text-size-adjust:100%}
.page{max-width:76rem;margin:0 auto;padding:0 1.5rem 4rem}
.skip{position:absolute;left:-200vw;top:0;padding:.5rem 1rem;background:var(--ground);color:var(--link)}
.skip:focus{left:.5rem;top:.5rem;z-index:1}
a{color:var(--link)}
a:focus-visible,summary:focus-visible,[tabindex]:focus-visible{outline:3px solid var(--link);outline-offset:2px}
header{padding:2.5rem 0 1.5rem;border-bottom:3px solid var(--ink)}
.kicker{margin:0;color:var(--quiet);font-size:.8125rem;letter-spacing:.08em;text-transform:uppercase}
h1{margin:.25rem 0 1rem;font-size:2.1rem;line-height:1.2;letter-spacing:-.015em;font-weight:650}
h2{margin:3rem 0 .75rem;padding-top:.75rem;border-top:1px solid var(--line);font-size:1.4rem;line-height:1.3;font-weight:650}
h3{margin:2rem 0 .5rem;font-size:1.0625rem;line-height:1.4;font-weight:650;overflow-wrap:anywhere}
p{margin:.5rem 0;max-width:56rem;overflow-wrap:anywhere}
dl.facts{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1.5rem;margin:0}
dl.facts dt{color:var(--quiet)}
dl.facts dd{margin:0;overflow-wrap:anywhere}
.claim{margin:1.5rem 0;padding:1rem 1.25rem;border-left:4px solid var(--link);background:var(--raised);max-width:none}
.claim p{max-width:60rem}
ul.figures{display:grid;grid-template-columns:repeat(5,1fr);gap:1px;margin:1.5rem 0;padding:1px;
list-style:none;background:var(--line)}
ul.figures li{padding:.75rem 1rem;background:var(--ground)}
ul.figures b{display:block;font-size:1.5rem;line-height:1.25;font-weight:650;font-variant-numeric:tabular-nums}
ul.figures span{color:var(--quiet);font-size:.875rem;line-height:1.35;display:block}
nav ol{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;margin:.5rem 0;padding:0;list-style:none}
nav h2{margin:1.5rem 0 0;padding:0;border:0;font-size:1rem}
details{margin:.5rem 0}
summary{max-width:56rem;color:var(--quiet);font-size:.875rem;cursor:pointer;overflow-wrap:anywhere}
.scroll{overflow-x:auto;margin:.75rem 0 1.25rem}
table{width:100%;border-collapse:collapse;font-size:.875rem;line-height:1.45;font-variant-numeric:tabular-nums}
caption{padding:.25rem 0 .5rem;text-align:left;color:var(--quiet);font-size:.8125rem;overflow-wrap:anywhere}
th,td{padding:.45rem .75rem .45rem 0;border-bottom:1px solid var(--line);text-align:left;vertical-align:top;
overflow-wrap:anywhere;min-width:4.5rem}
thead th{border-bottom:2px solid var(--strong);color:var(--quiet);font-weight:600;overflow-wrap:normal}
tbody th{font-weight:400}
code,time{font-family:ui-monospace,"Cascadia Mono","DejaVu Sans Mono",Menlo,Consolas,monospace;font-size:.8125rem}
time,.short{white-space:nowrap}
.parts{overflow-wrap:normal}
.alarm,.warning,.good{padding:.05rem .4rem;border-radius:3px;font-weight:600;-webkit-box-decoration-break:clone;
box-decoration-break:clone}
.alarm{color:var(--alarm);background:var(--alarm-ground)}
.warning{color:var(--warning);background:var(--warning-ground)}
.good{color:var(--good);background:var(--good-ground)}
b.alarm,b.warning,b.good{padding:0;background:none}
.timeline{display:block;width:100%;height:auto;min-width:40rem;margin:.25rem 0}
.patterns{position:absolute}
.base{stroke:var(--strong);stroke-dasharray:2 4}
.watched{fill:var(--watched)}
.live{fill:var(--live);stroke:var(--ground)}
.live.other{fill:var(--other)}
.missing{fill:var(--ground);stroke:var(--drift);stroke-width:2;stroke-dasharray:5 3}
.gap{fill:url(#hatch);stroke:var(--hatch)}
.hatch-ground{fill:var(--ground)}
.hatch-line{fill:var(--hatch)}
.drift{fill:var(--drift)}
.accepted{fill:var(--good)}
.hash{fill:var(--hash);font:600 12px ui-monospace,"DejaVu Sans Mono",Menlo,monospace}
.tick{fill:var(--quiet);font:11px system-ui,"DejaVu Sans",sans-serif}
ul.legend{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;margin:.75rem 0;padding:0;list-style:none;color:var(--quiet);
font-size:.875rem}
.swatch{width:26px;height:14px;vertical-align:-2px}
footer{margin-top:3rem;padding-top:1rem;border-top:1px solid var(--line);color:var(--quiet);font-size:.875rem}
@media (max-width:40rem){ul.figures{grid-template-columns:1fr 1fr}dl.facts{grid-template-columns:1fr}dl.facts dd{margin-bottom:.5rem}h1{font-size:1.6rem}}
@media print{:root{color-scheme:light;--ground:#fff;--raised:#f6f7f9;--ink:#000;--quiet:#40474f;--line:#c4cad2;--strong:#78818d;
--link:#000;--alarm:#8d0f1e;--alarm-ground:#fdecee;--warning:#6b4100;--warning-ground:#fdf3df;--good:#16502c;
--good-ground:#e8f5ec;--live:#d3e1f5;--other:#a9c4ea;--hash:#12284a;--watched:#eef1f5;--drift:#b3192b;--hatch:#8b95a5}
@page{size:A4 landscape;margin:14mm 12mm 16mm;@bottom-left{content:"Code drift audit report";font:8pt sans-serif;color:#40474f}
@bottom-right{content:counter(page) " / " counter(pages);font:8pt sans-serif;color:#40474f}}
body{font-size:9.5pt;line-height:1.4;-webkit-print-color-adjust:exact;print-color-adjust:exact}
.page{max-width:none;padding:0}
.skip,nav{display:none}
header{padding-top:0}
h1{font-size:20pt}h2{font-size:14pt;margin-top:18pt;break-after:avoid}h3{font-size:11pt;margin-top:12pt;break-after:avoid}
table{font-size:8pt}code,time{font-size:7.5pt}ul.figures b{font-size:14pt}ul.figures span,ul.legend{font-size:8pt}
thead{display:table-header-group}thead tr{break-after:avoid}tbody tr:first-child{break-before:avoid}tr,.timeline,ul.figures,.claim{break-inside:avoid}
caption{break-after:avoid;font-size:8pt}h2+p,h3+p,h2+p+p,h3+p+p{break-after:avoid}p{orphans:3;widows:3}.lead{break-inside:avoid;break-after:avoid}
#overview{break-after:page}#overview td,#overview th{padding-top:.2rem;padding-bottom:.2rem}
.scroll{overflow:visible}.timeline{min-width:0}
details::details-content{content-visibility:visible;block-size:auto}
a{text-decoration:none}}
)css";

}  // namespace codedriftd

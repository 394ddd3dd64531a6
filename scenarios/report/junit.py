"""A run as CI systems read it: JUnit XML with a test case for each invariant and each SLA.

An invariant that was violated or an SLA that was missed is a failure with the text a person needs; one that is
unknown is skipped, with the reason. One more case says whether the run settled and proved enough: without it a run
that ended with exit 4 or 5 would look green to whoever reads only this file.
"""

from xml.etree import ElementTree

from scenarios.report.model import Invariant, Report, Sla
from scenarios.report.wording import again, amount, money, printable, several


def junit(report: Report, made_by: str = "springtide simulate", command: str = "") -> str:
    """junit.xml as text, in the dialect that Jenkins, GitLab and GitHub actions share.

    `command` makes such a run again; empty: what `made_by` says of a simulated one.
    """
    classname = f"springtide.{report.scenario}"
    suite = ElementTree.Element("testsuite", _plain({"name": f"{report.scenario} seed {report.seed}"}))
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in (
        ("scenario", report.scenario),
        ("seed", str(report.seed)),
        ("digest", report.digest),
        ("commit", report.commit),
        ("exit", str(report.verdict.exit)),
        ("again", command or again(report)),
    ):
        ElementTree.SubElement(properties, "property", _plain({"name": name, "value": value}))
    for invariant in report.invariants:
        case = _case(suite, f"{classname}.invariants", f"{invariant.id} {invariant.name}")
        _judge_invariant(case, invariant, report)
    for sla in report.slas:
        _judge_sla(_case(suite, f"{classname}.slas", sla.name), sla)
    run = _case(suite, classname, "the run settled and proved enough")
    if report.verdict.exit in (2, 4, 5):
        error = ElementTree.SubElement(run, "error", _plain({"message": report.verdict.sentence}))
        error.set("type", printable(report.verdict.word))
    for kind, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(kind, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("tests", str(len(suite.findall("testcase"))))
    suite.set("time", f"{report.wall_seconds:.3f}")
    suites = ElementTree.Element("testsuites", _plain({"name": made_by}))
    suites.append(suite)
    ElementTree.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"


def _case(suite: ElementTree.Element, classname: str, name: str) -> ElementTree.Element:
    return ElementTree.SubElement(suite, "testcase", _plain({"classname": classname, "name": name, "time": "0"}))


def _judge_invariant(case: ElementTree.Element, invariant: Invariant, report: Report) -> None:
    if invariant.status == "unknown":
        ElementTree.SubElement(case, "skipped", _plain({"message": f"unknown: {invariant.reason or 'not reached'}"}))
    if invariant.status != "violated":
        return
    lines = list(invariant.examples)
    for finding in report.findings:
        if finding.invariant == invariant.id:
            worth = "" if finding.amount_minor is None else f", {money(finding.amount_minor, finding.currency)}"
            versions = ", ".join(map(str, finding.versions))
            lines.append(
                f"{finding.entity} {finding.entry} versions {versions}{worth} {finding.currency}: {finding.text}"
            )
    message = f"{invariant.name}: {several(invariant.violations, 'violation')}"
    failure = ElementTree.SubElement(case, "failure", _plain({"message": message, "type": "violated"}))
    failure.text = "\n".join(map(printable, lines))


def _judge_sla(case: ElementTree.Element, sla: Sla) -> None:
    wanted = f"{'at most' if sla.compare == 'at_most' else 'at least'} {amount(sla.target, sla.unit)}"
    if sla.held is None:
        ElementTree.SubElement(case, "skipped", _plain({"message": f"not measured; wanted {wanted}"}))
    if sla.held is False:
        message = f"{amount(sla.actual, sla.unit, sla.unmeasured)}, wanted {wanted}"
        failure = ElementTree.SubElement(case, "failure", _plain({"message": message, "type": "missed"}))
        failure.text = printable(f"The target is: {sla.arithmetic}")


def _plain(attributes: dict[str, str]) -> dict[str, str]:
    return {name: printable(value) for name, value in attributes.items()}
